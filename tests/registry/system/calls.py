"""Calls of the area's surfaces, and what the ledger keeps of them."""

from typing import Any

import asyncpg

from shared.sealing.addresses import Digester
from tests.registry.doors import DROP, Answer, Town, as_json

BREAKS = """
    CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF to_jsonb(NEW) ->> 'brand_code' IS NOT DISTINCT FROM TG_ARGV[0] OR TG_NARGS = 0 THEN
            RAISE EXCEPTION 'broken for a test';
        END IF;
        RETURN NEW;
    END $$
"""


async def send(
    town: Town, method: str, path: str, body: object = None, *, who: Any = "admin"
) -> Answer:
    """Send a JSON body to a path of our own."""
    headers = await town.authorization(who)
    content = None
    if body is not None:
        content, headers["Content-Type"] = as_json(body), "application/json"
    return await town.client.request(method, path, content=content, headers=headers)


async def decide(town: Town, recipient: str, *, who: Any = "admin", **changes: Any) -> Answer:
    """Record a citizen's refusal of MESAJ at the first brand, with changes."""
    body = {
        "brandCode": town.world.brand_code,
        "recipient": recipient,
        "type": "MESAJ",
        "status": "RET",
        "source": "IYS_WEB",
        **changes,
    }
    given = {name: value for name, value in body.items() if value is not DROP}
    return await send(town, "POST", "/system/consents", given, who=who)


async def report(town: Town, recipients: Any, *, who: Any = "operator", **more: Any) -> Answer:
    """Report lines as closed."""
    body = {"recipients": recipients, **more}
    return await send(town, "POST", "/operators/line-closures", body, who=who)


async def progress(town: Town, report_id: str, *, who: Any = "operator") -> dict[str, Any]:
    """Return how far a report is."""
    answer = await send(town, "GET", f"/operators/line-closures/{report_id}", who=who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def actions(town: Town, recipient: str) -> list[asyncpg.Record]:
    """Return the audit of an address: each action with each of its outcomes, or none."""
    digest = Digester(town.ring).digest(recipient)
    select = """
        SELECT a.*, o.brand_code AS at_brand, o.outcome, encode(o.transaction_id, 'hex') AS transaction
          FROM system_action AS a LEFT JOIN system_outcome AS o USING (action_id)
         WHERE a.digest = $1 ORDER BY a.action_id, o.brand_code, o.channel, o.recipient_type
    """
    return list(await town.owner.fetch(select, digest))


async def movements(town: Town, recipient: str) -> list[tuple[Any, ...]]:
    """Return brand, kind, status, source and date of the movements of an address, oldest first."""
    digest = Digester(town.ring).digest(recipient)
    select = """
        SELECT brand_code, kind, status, source, consent_date FROM movement
         WHERE digest = $1 ORDER BY extent_id, extent_offset
    """
    return [tuple(row) for row in await town.owner.fetch(select, digest)]


async def fed(town: Town, recipient: str) -> list[dict[str, Any]]:
    """Return what the provider's default feed says of an address at the first brand, without its delay."""
    rows, after = list[dict[str, Any]](), ""
    async with town.another_process(feed_delay_s=0) as door:
        while True:
            path = f"{town.brand}/consents/changes{after}"
            answer = await town.get(path, at=door)
            if answer.status_code == 204:
                return [row for row in rows if row["recipient"] == recipient]
            rows += answer.json()["list"]
            after = f"?after={answer.json()['after']}"
