"""Decisions of citizens: recorded by the registry itself, at any time, and audited."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from services.registry.parts import Parts
from services.registry.system.record_movement import RecordSystemMovement, SystemMovement
from shared.clock import utc_now
from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.ledger import accounts
from shared.ledger.citizen_names import read_citizen_names
from shared.ledger.system_actions import Actor
from shared.ledger.verify import verify
from shared.sealing.addresses import Sealer
from tests.registry.doors import DROP, Town, ago, codes, consent, new_email, new_phone, question
from tests.registry.system.calls import BREAKS, actions, decide, fed, movements

Shown = dict[str, Any]


async def shown(town: Town, recipient: str, **more: Any) -> Shown:
    """Return the wire's view of one consent."""
    return dict((await town.status(question(recipient, **more))).json())


async def test_a_citizen_refuses_at_a_brand_that_has_recorded_nothing(town: Town) -> None:
    number, (granted, refused, total) = new_phone(), await town.stats()
    answer = await decide(town, number)
    assert answer.status_code == 200
    body = answer.json()
    assert body["outcome"] == "RECORDED"
    assert await town.reason(number) == "REFUSED"
    on_the_wire = await shown(town, number)
    assert (on_the_wire["status"], on_the_wire["source"]) == ("RET", "IYS_WEB")
    assert on_the_wire["transactionId"] == body["transactionId"]
    assert await town.stats() == (granted, refused + 1, total + 1)


async def test_what_a_provider_dates_before_a_citizens_refusal_comes_too_late(town: Town) -> None:
    number = new_phone()
    await decide(town, number)
    late = await town.add(consent(number, consentDate=ago(hours=1)))
    assert codes(late) == ["H178"]
    assert await town.reason(number) == "REFUSED"


async def test_a_citizen_changes_sides_as_often_as_he_likes(town: Town) -> None:
    number = new_phone()
    assert (await town.add(consent(number))).status_code == 200
    for status, reason in (("RET", "REFUSED"), ("ONAY", "CONSENT")) * 3:
        answer = await decide(town, number, status=status, source="IYS_MOBIL")
        assert answer.json()["outcome"] == "RECORDED"
        assert await town.reason(number) == reason
    dates = [row[-1] for row in await movements(town, number)]
    assert dates == sorted(dates)


@pytest.mark.parametrize("status", ["ONAY", "RET"])
@pytest.mark.parametrize("kind", ["BIREYSEL", "TACIR"])
async def test_saying_it_again_changes_nothing_and_is_no_error(
    town: Town, status: str, kind: str
) -> None:
    number, changes = new_phone(), {"status": status, "recipientType": kind}
    first = (await decide(town, number, **changes)).json()
    before = await shown(town, number, recipientType=kind)
    for _ in range(2):
        again = await decide(town, number, **changes)
        assert again.status_code == 200
        assert again.json()["outcome"] in {"UNCHANGED", "KEPT"}
    assert first["outcome"] == "RECORDED"
    assert await shown(town, number, recipientType=kind) == before
    kinds = [row[1] for row in await movements(town, number)]
    assert kinds.count("CONSENT") == 1, "feeds show it once"


async def test_a_repeated_refusal_holds_against_a_grant_from_between(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number, consentDate=ago(hours=5)))
    await town.add(consent(number, status="RET", consentDate=ago(hours=4)))
    before = await shown(town, number)
    assert (await decide(town, number)).json()["outcome"] == "KEPT"
    assert await shown(town, number) == before, "the record stays as it is"
    assert (await town.add(consent(number, consentDate=ago(hours=3)))).status_code == 200
    assert await town.reason(number) == "REFUSED"


async def test_a_grant_ends_a_block(town: Town) -> None:
    number = new_phone()
    assert codes(await town.add(consent(number, status="RET"))) == ["H175"]
    answer = await decide(town, number, status="ONAY", source="IYS_FRAME_SMS")
    assert answer.json()["outcome"] == "RECORDED"
    assert await town.reason(number) == "CONSENT"


async def test_a_first_grant_comes_with_the_citizens_name_for_seven_days(
    town: Town, parts: Parts
) -> None:
    number, name = new_phone(), "Deneme Kişi"
    answer = await decide(town, number, status="ONAY", source="IYS_WEB_YENI", citizenName=name)
    assert answer.json()["outcome"] == "RECORDED"
    (row,) = await town.owner.fetch("SELECT * FROM citizen_name")
    at = (row["extent_id"], row["extent_offset"])
    code = town.world.brand_code
    assert (await shown(town, number))["source"] == "IYS_WEB_YENI"
    now = utc_now()
    (kept,) = await read_citizen_names(parts.reader_pool, code, [at], now=now)
    opened = Sealer(town.ring).open(kept.sealed, brand_code=code, key_id=kept.sealing_key_id)
    assert opened == name
    assert timedelta(days=6, hours=23) < row["expires_at"] - now <= timedelta(days=7)


async def test_who_is_on_record_already_makes_no_first_grant(town: Town) -> None:
    number = new_phone()
    await decide(town, number)
    before = await town.owner.fetchval("SELECT count(*) FROM citizen_name")
    more = {"status": "ONAY", "source": "IYS_WEB_YENI", "citizenName": "Deneme Kişi"}
    assert (await decide(town, number, **more)).json()["outcome"] == "RECORDED"
    assert (await shown(town, number))["source"] == "IYS_WEB"
    assert await town.owner.fetchval("SELECT count(*) FROM citizen_name") == before


async def test_the_default_feed_shows_what_citizens_did_and_nothing_that_was_only_kept(
    town: Town,
) -> None:
    number, name = new_phone(), "Deneme Kişi"
    first = {"status": "ONAY", "source": "IYS_WEB_YENI", "citizenName": name}
    expected = [
        (await decide(town, number, **changes)).json()["transactionId"]
        for changes in (first, {}, {"status": "ONAY"}, {})
    ]
    assert (await decide(town, number)).json()["outcome"] in {"KEPT", "UNCHANGED"}
    rows = await fed(town, number)
    assert [row["transactionId"] for row in rows] == expected
    assert [row.get("citizenName") for row in rows] == [name, None, None, None]
    sources = [row["source"] for row in rows]
    assert sources == ["IYS_WEB_YENI", "IYS_WEB", "IYS_WEB", "IYS_WEB"]


@pytest.mark.parametrize("who", ["provider", "partner", "operator", "ministry", None])
async def test_nobody_but_staff_can_have_a_decision_recorded(town: Town, who: Any) -> None:
    number, head = new_phone(), await town.head()
    answer = await decide(town, number, who=who)
    assert answer.status_code == (401 if who is None else 403)
    assert answer.json()["code"] == ("NOT_AUTHENTICATED" if who is None else "FORBIDDEN")
    assert await town.head() == head
    assert await actions(town, number) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": "05990000001"}, "INVALID_RECIPIENT"),
        ({"recipient": "kisi@posta.example"}, "INVALID_RECIPIENT"),
        ({"type": "EPOSTA"}, "INVALID_RECIPIENT"),
        ({"brandCode": 999}, "UNKNOWN_BRAND"),
        ({"brandCode": True}, "INVALID_FIELD"),
        ({"type": "SMS"}, "INVALID_FIELD"),
        ({"status": "EVET"}, "INVALID_FIELD"),
        ({"source": "HS_WEB"}, "INVALID_FIELD"),
        ({"source": "IYS_AHS_HAT_KAPATMA"}, "INVALID_FIELD"),
        ({"source": "IYS_WEB_YENI"}, "INVALID_FIELD"),
        ({"citizenName": "Deneme Kişi"}, "INVALID_FIELD"),
        ({"source": "IYS_WEB_YENI", "status": "ONAY", "citizenName": "\x07x"}, "INVALID_FIELD"),
        ({"reference": "ara: 0599 0000001"}, "INVALID_FIELD"),
        ({"reference": 7}, "INVALID_FIELD"),
        ({"consentDate": "2026-03-01 00:00:00"}, "INVALID_FIELD"),
        ({"recipient": DROP}, "INVALID_FIELD"),
    ],
)
async def test_what_does_not_fit_leaves_no_trace(
    town: Town, changes: dict[str, Any], code: str
) -> None:
    head, number = await town.head(), new_phone()
    before = await town.owner.fetchval("SELECT count(*) FROM system_action")
    answer = await decide(town, **{"recipient": number, **changes})
    assert answer.json()["code"] == code
    assert await town.head() == head
    assert await town.owner.fetchval("SELECT count(*) FROM system_action") == before


async def test_an_email_is_one_person_whatever_its_case(town: Town) -> None:
    email = new_email()
    assert (await decide(town, email.upper(), type="EPOSTA")).json()["outcome"] == "RECORDED"
    assert await town.reason(email, type="EPOSTA") == "REFUSED"


async def test_a_suspended_brand_hears_refusals_and_no_grants(town: Town) -> None:
    code, number = await town.new_brand(), new_phone()
    await accounts.set_state(town.writer, "brand", code, active=False)
    grant = await decide(town, number, brandCode=code, status="ONAY")
    assert (grant.status_code, grant.json()["code"]) == (409, "CONFLICT")
    assert await actions(town, number) == []
    assert (await decide(town, number, brandCode=code)).json()["outcome"] == "RECORDED"


async def test_every_action_says_who_what_and_what_became_of_it(town: Town) -> None:
    number = new_phone()
    first = (await decide(town, number, reference="VAKA-7")).json()
    await decide(town, number, status="ONAY", source="IYS_CM")
    await decide(town, number, status="ONAY", source="IYS_CM")
    refused, granted, again = await actions(town, number)
    assert (refused["user_id"], refused["process"]) == (town.world.admin.user_id, "staff")
    assert (refused["reference"], granted["reference"]) == ("VAKA-7", None)
    assert (refused["status"], refused["source"]) == ("RET", "IYS_WEB")
    assert (refused["brand_code"], refused["channel"]) == (town.world.brand_code, "MESAJ")
    assert (refused["outcome"], refused["transaction"]) == ("RECORDED", first["transactionId"])
    assert granted["outcome"] == "RECORDED"
    assert (again["outcome"], again["transaction"]) == ("UNCHANGED", None)
    for row in (refused, granted, again):
        assert number[1:] not in str(dict(row))


@asynccontextmanager
async def broken(town: Town, table: str) -> AsyncIterator[None]:
    """Let every new row of a table fail."""
    await town.owner.execute(BREAKS)
    await town.owner.execute(
        f"CREATE TRIGGER broken BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION breaks()"
    )
    try:
        yield
    finally:
        await town.owner.execute("DROP FUNCTION breaks() CASCADE")


async def test_without_its_audit_nothing_is_written(town: Town) -> None:
    number, head = new_phone(), await town.head()
    async with broken(town, "system_action"):
        assert (await decide(town, number)).status_code >= 500
    assert (await town.head(), await movements(town, number)) == (head, [])


async def test_what_was_not_written_is_audited_without_an_outcome(town: Town) -> None:
    number, head = new_phone(), await town.head()
    async with broken(town, "extent"):
        assert (await decide(town, number)).status_code == 503
    assert await town.head() == head
    (only,) = await actions(town, number)
    assert only["outcome"] is None


async def test_nobody_is_told_before_the_outcome_is_audited(town: Town) -> None:
    number = new_phone()
    async with broken(town, "system_outcome"):
        assert (await decide(town, number)).status_code >= 500
    assert await town.reason(number) == "REFUSED", "a refusal holds all the same"
    assert [row["outcome"] for row in await actions(town, number)] == [None]


async def test_decisions_that_meet_come_one_after_the_other(town: Town, parts: Parts) -> None:
    number, code = new_phone(), town.world.brand_code
    record = RecordSystemMovement(
        directory=parts.directory,
        reader=parts.reader,
        writer_pool=parts.writer_pool,
        writer=parts.commits,
        digester=parts.digester,
        sealer=parts.sealer,
        now=parts.now,
    )

    async def one(status: Status) -> None:
        await record(
            SystemMovement(
                code, number, Channel.SMS, RecipientType.INDIVIDUAL, status, Source.REGISTRY_MOBILE
            ),
            Actor("test"),
        )

    here = [one(status) for status in (Status.GRANTED, Status.WITHDRAWN) * 5]
    there = [decide(town, number, status=status) for status in ("ONAY", "RET") * 5]
    await asyncio.gather(*here, *there)
    rows = await actions(town, number)
    assert len(rows) == 20
    assert all(row["outcome"] for row in rows)
    assert (await verify(town.dsn)).differences == []


def test_a_caller_that_forgot_to_look_is_stopped() -> None:
    with pytest.raises(ValueError, match="HS_WEB is a provider's"):
        SystemMovement(1, "x", Channel.SMS, RecipientType.INDIVIDUAL, Status.GRANTED, Source.WEB)
