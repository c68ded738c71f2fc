"""Reading the feed as clients do, and writing what only the registry writes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from services.registry import app as registry_app
from shared.clock import utc_now
from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.append import Appender, Stored, transaction_id
from shared.sealing.addresses import Digester, Sealer
from tests.registry.doors import Answer, Town, new_phone, sign_in
from tests.support.builders import Scribe, consent

ROWS = """
    SELECT e.base_position + m.extent_offset AS position, e.created_at, e.extent_id, e.nonce,
           m.extent_offset, m.kind::text, m.source::text, m.channel::text, m.recipient_type::text,
           m.status::text
      FROM movement AS m
      JOIN extent AS e ON e.brand_code = m.brand_code AND e.extent_id = m.extent_id
     WHERE m.brand_code = $1
     ORDER BY position
"""


@dataclass
class Clock:
    """A clock under test control: so far ahead of the real one."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@asynccontextmanager
async def door_with_clock(
    town: Town, monkeypatch: pytest.MonkeyPatch, clock: Clock, **settings: Any
) -> AsyncGenerator[httpx.AsyncClient]:
    """Open one more process over the town's ledger that reads this clock."""
    monkeypatch.setattr(registry_app, "utc_now", clock)
    async with town.another_process(**settings) as client:
        yield client


async def authorized(town: Town, client: httpx.AsyncClient) -> dict[str, str]:
    """Sign the provider in at this door, by its clock."""
    login = town.world.provider
    answer = await sign_in(client, login.username, login.password)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def changes_path(town: Town, brand_code: int, **parameters: object) -> str:
    return f"{town.brand_path(brand_code)}/consents/changes?{urlencode(parameters)}"


async def changes(
    town: Town, brand_code: int, *, who: Any = "provider", **parameters: Any
) -> Answer:
    """Ask for a page of changes, without any window to speak of."""
    return await town.get(changes_path(town, brand_code, **parameters), who=who)


async def read_on(
    town: Town, brand_code: int, *, who: Any = "provider", **parameters: Any
) -> list[dict[str, Any]]:
    """Return all rows from `after` on, page by page."""
    rows: list[dict[str, Any]] = []
    while (answer := await changes(town, brand_code, who=who, **parameters)).status_code == 200:
        page = answer.json()
        assert list(page) == ["after", "list"]
        rows.extend(page["list"])
        parameters["after"] = page["after"]
    assert (answer.status_code, answer.content) == (204, b""), answer.text
    return rows


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["transactionId"] for row in rows]


def scribe_of(town: Town) -> Scribe:
    digester, sealer = Digester(town.ring), Sealer(town.ring)
    appender = Appender(town.writer, digest_key_id=digester.key_id, sealing_key_id=sealer.key_id)
    return Scribe(town.reader, appender, digester, sealer)


async def write(
    town: Town,
    brand_code: int,
    recipient: str | None = None,
    *,
    source: Source | None = Source.REGISTRY_WEB,
    channel: Channel = Channel.SMS,
    kind: RecipientType = RecipientType.INDIVIDUAL,
    status: Status = Status.GRANTED,
    consent_date: datetime | None = None,
    dated: bool = True,
) -> Stored:
    """Write one movement of any source, as the registry itself may."""
    new = consent(
        new_phone() if recipient is None else recipient,
        channel=channel,
        recipient_type=kind,
        status=status,
        source=source,
        consent_date=(consent_date or utc_now()) if dated else None,
    )
    stored = await scribe_of(town).write(brand_code, new, now=utc_now())
    assert stored is not None
    return stored


async def write_block(town: Town, brand_code: int, *, channel: Channel = Channel.SMS) -> Stored:
    """Write a refusal that the rules turn away, since there is no record to withdraw."""
    return await write(
        town, brand_code, source=Source.WEB, status=Status.WITHDRAWN, channel=channel
    )


async def write_access(town: Town, brand_code: int, recipient: str) -> None:
    """Let the brand's retailer use a consent that is there: a movement that is no decision."""
    scribe, new = scribe_of(town), consent(recipient, retailer_access=[town.world.retailer_code])
    movement = scribe.movement(brand_code, new, after=await scribe.read(brand_code, new))
    changed = movement._replace(is_access=True, approvals=0, rejections=0)
    stored, _ = await scribe.appender.append(brand_code, [changed], wait=True)
    assert stored


async def write_closed_line(
    town: Town,
    brand_code: int,
    recipient: str,
    *,
    kind: RecipientType = RecipientType.INDIVIDUAL,
    consent_date: datetime | None = None,
    dated: bool = True,
) -> None:
    """Write what an operator's report of a closed line leaves, whatever the date on file."""
    scribe = scribe_of(town)
    new = consent(
        recipient,
        recipient_type=kind,
        status=Status.WITHDRAWN,
        source=Source.REGISTRY_LINE_CLOSED,
        consent_date=(consent_date or utc_now()) if dated else None,
    )
    movement = scribe.movement(brand_code, new, after=await scribe.read(brand_code, new))
    stored, _ = await scribe.appender.append(brand_code, [movement], wait=True)
    assert stored


@dataclass(frozen=True)
class LedgerRow:
    """A movement as the ledger's owner sees it."""

    id: str
    kind: str
    source: str | None
    channel: str
    recipient_type: str
    status: str
    created_at: datetime

    @property
    def of_registry(self) -> bool:
        return (self.source or "").startswith("IYS_")


async def rows_of(town: Town, brand_code: int) -> list[LedgerRow]:
    """Return a brand's movements in order."""
    return [
        LedgerRow(
            transaction_id(brand_code, row["extent_id"], row["nonce"], row["extent_offset"]),
            *(row[name] for name in list(LedgerRow.__annotations__)[1:]),
        )
        for row in await town.owner.fetch(ROWS, brand_code)
    ]


def wire(moment: datetime) -> str:
    return consent_date_to_wire(moment)
