"""Every row of the decision table (design 6), asked over HTTP."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.check.schemas import CheckAnswer
from shared.clock import utc_now
from shared.domain.exemptions import ExemptionBasis
from shared.domain.wire_time import TURKEY
from shared.ledger import accounts
from shared.ledger.accounts import NewGrant
from shared.sealing.addresses import Digester
from tests.registry.doors import DROP, Town, ago, consent, new_email, new_phone, refusal
from tests.support.builders import HEADER

EXEMPT = ("CHANGE_USE_MAINT", "ONGOING_RELATION", "LEGAL_NOTICE", "CAPITAL_MARKETS")


async def record(town: Town, *bodies: dict[str, Any], **options: Any) -> str:
    """Record several consents of one new number and return it."""
    number = new_phone()
    for body in bodies:
        answer = await town.add({**body, "recipient": number}, **options)
        assert answer.status_code == 200, answer.text
    return number


async def ask(town: Town, recipient: str, **changes: Any) -> dict[str, Any]:
    options = {name: changes.pop(name) for name in ("who", "at") if name in changes}
    body = {"type": "MESAJ", "recipient": recipient, **changes}
    answer = await town.check(body, **options)
    assert answer.status_code == 200, answer.text
    CheckAnswer.model_validate(answer.json(), strict=True)
    assert list(answer.json()) == ["allowed", "reason", "status", "position"]
    return dict(answer.json())


def expected(reason: str, status: str | None, position: int | None) -> dict[str, Any]:
    allowed = reason in {"CONSENT", "MERCHANT_ON_RECORD", "EXEMPT"}
    return {"allowed": allowed, "reason": reason, "status": status, "position": position}


GRANTED = consent(consentDate=ago(hours=5))
REFUSED = refusal(consentDate=ago(hours=4))
AGAIN = consent(consentDate=ago(hours=3))
UNDATED = consent(recipientType="TACIR", consentDate=DROP, source=DROP)


def merchant(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "recipientType": "TACIR"}


@pytest.mark.parametrize(
    ("history", "kind", "reason", "status"),
    [
        ([GRANTED], "BIREYSEL", "CONSENT", "ONAY"),
        ([GRANTED, REFUSED], "BIREYSEL", "REFUSED", "RET"),
        ([GRANTED, REFUSED, AGAIN], "BIREYSEL", "CONSENT", "ONAY"),
        ([], "BIREYSEL", "NO_RECORD", None),
        ([merchant(GRANTED)], "TACIR", "MERCHANT_ON_RECORD", "ONAY"),
        ([UNDATED], "TACIR", "MERCHANT_ON_RECORD", "ONAY"),
        ([merchant(GRANTED), merchant(REFUSED)], "TACIR", "REFUSED", "RET"),
        ([], "TACIR", "REGISTER_ADDRESS_FIRST", None),
        # The two records of an address never speak for each other (B6).
        ([GRANTED], "TACIR", "REGISTER_ADDRESS_FIRST", None),
        ([UNDATED], "BIREYSEL", "NO_RECORD", None),
        ([GRANTED, merchant(GRANTED), merchant(REFUSED)], "BIREYSEL", "CONSENT", "ONAY"),
    ],
)
async def test_what_is_on_record_decides(
    town: Town, history: list[dict[str, Any]], kind: str, reason: str, status: str | None
) -> None:
    number = await record(town, *history)
    answer = await ask(town, number, recipientType=kind)
    assert answer == expected(reason, status, await town.head())
    batch = await town.post(
        "/check/batch",
        {"brandCode": town.world.brand_code, "type": "MESAJ", "recipientType": kind,
         "recipients": [number]},
        who="operator",
    )  # fmt: skip
    assert batch.json()["results"] == [reason]


async def test_who_does_not_say_which_type_asks_for_an_individual(town: Town) -> None:
    number = await record(town, merchant(GRANTED))
    assert (await ask(town, number))["reason"] == "NO_RECORD"
    number = await record(town, GRANTED)
    assert (await ask(town, number))["reason"] == "CONSENT"


async def test_channels_and_brands_are_apart_and_case_is_not(town: Town) -> None:
    email = new_email()
    assert (await town.add(consent(email.upper(), type="EPOSTA"))).status_code == 200
    assert (await ask(town, email, type="EPOSTA"))["reason"] == "CONSENT"
    assert (await ask(town, email.title(), type="EPOSTA"))["reason"] == "CONSENT"
    number = await record(town, GRANTED)
    assert (await ask(town, number, type="ARAMA"))["reason"] == "NO_RECORD"
    other = await ask(town, number, brandCode=town.world.second_brand_code)
    assert other == expected("NO_RECORD", None, await town.head(town.world.second_brand_code))


async def test_the_position_is_the_brands_head_and_grows(town: Town) -> None:
    number, positions = new_phone(), []
    for hours in (9, 8, 7):
        await town.add(consent(number, consentDate=ago(hours=hours)))
        positions.append((await ask(town, number))["position"])
        assert positions[-1] == await town.head()
    assert positions == [positions[0], positions[0] + 1, positions[0] + 2]
    await town.add(refusal())  # a block has a position, too
    assert (await ask(town, number))["position"] == positions[2] + 1


async def test_a_header_names_the_brand(town: Town) -> None:
    number = await record(town, GRANTED)
    alone = await ask(town, number, header=HEADER)
    both = await ask(town, number, header=HEADER, brandCode=town.world.brand_code)
    assert alone == both == expected("CONSENT", "ONAY", await town.head())


async def test_a_header_that_is_not_the_brands_is_a_mismatch(town: Town) -> None:
    number = await record(town, GRANTED)
    mismatch = "HEADER_MISMATCH"
    assert await ask(town, number, header="KIMSE") == expected(mismatch, None, None)
    both = await ask(town, number, header="KIMSE", brandCode=town.world.brand_code)
    assert both == expected(mismatch, None, await town.head())
    second = town.world.second_brand_code
    assert (await ask(town, number, header=HEADER, brandCode=second))["reason"] == mismatch
    assert (await ask(town, number, header=HEADER.lower()))["reason"] == mismatch
    unknown = await ask(town, number, header=HEADER, brandCode=999)
    assert unknown == expected("SENDER_NOT_REGISTERED", None, None)


async def test_a_header_bound_at_one_operator_is_unbound_at_another(town: Town) -> None:
    world = town.world
    other = (await town.post("/accounts/operators", {"title": "Öteki"}, who="admin")).json()
    await accounts.bind_header(
        town.writer, brand_code=world.brand_code, header="TEKYER", operators=[world.operator_code]
    )
    number = await record(town, GRANTED)
    assert (await ask(town, number, header="TEKYER"))["reason"] == "CONSENT"
    who = f"Bearer {other['apiKey']}"
    assert (await ask(town, number, header="TEKYER", who=who))["reason"] == "HEADER_MISMATCH"
    assert (await ask(town, number, header=HEADER, who=who))["reason"] == "CONSENT"
    # The provider itself is at no operator: for it the binding to the brand is enough.
    assert (await ask(town, number, header="TEKYER", who="provider"))["reason"] == "CONSENT"


async def evidence(town: Town, recipient: str, *, rows: int = 1) -> list[tuple[Any, ...]]:
    """Wait until the ledger has that many rows about an address, and return what they say."""
    digest = Digester(town.ring).digest(recipient)
    select = "SELECT * FROM check_evidence WHERE digest = $1 ORDER BY asked_at"
    async with asyncio.timeout(10):
        while len(found := await town.owner.fetch(select, digest)) < rows:  # noqa: ASYNC110  # it is polled
            await asyncio.sleep(0.02)
    return [
        tuple(row[name] for name in ("user_id", "brand_code", "channel", "message_class", "reason"))
        for row in found
    ]


@pytest.mark.parametrize("word", EXEMPT)
async def test_an_exempt_class_goes_out_and_leaves_evidence(town: Town, word: str) -> None:
    number = await record(town, GRANTED, REFUSED)
    before = utc_now()
    answer = await ask(town, number, messageClass=word)
    assert answer == expected("EXEMPT", None, await town.head())
    world = town.world
    row = (world.operator.user_id, world.brand_code, "MESAJ", word, "EXEMPT")
    assert await evidence(town, number) == [row]
    asked_at = await town.owner.fetchval("SELECT max(asked_at) FROM check_evidence")
    assert before <= asked_at <= utc_now()
    assert (await ask(town, number, messageClass="COMMERCIAL"))["reason"] == "REFUSED"


async def test_only_an_exemption_leaves_evidence(town: Town) -> None:
    number = await record(town, GRANTED)
    await ask(town, number)
    await ask(town, number, messageClass="EXEMPT_SENDER")
    await ask(town, number, messageClass="LEGAL_NOTICE", brandCode=999)
    await ask(town, number, messageClass="LEGAL_NOTICE", header="KIMSE")
    await ask(town, number, messageClass="LEGAL_NOTICE", who="ministry")
    await ask(town, number, messageClass="LEGAL_NOTICE", header=HEADER)
    world = town.world
    row = (world.operator.user_id, world.brand_code, "MESAJ", "LEGAL_NOTICE", "EXEMPT")
    assert await evidence(town, number) == [row]


async def test_a_batch_leaves_a_row_for_each_good_address(town: Town) -> None:
    numbers = [new_phone(), new_phone()]
    body = {
        "brandCode": town.world.brand_code,
        "type": "MESAJ",
        "messageClass": "LEGAL_NOTICE",
        "recipients": [numbers[0], "x", numbers[1]],
    }
    answer = (await town.post("/check/batch", body, who="operator")).json()
    assert answer["results"] == ["EXEMPT", "INVALID_RECIPIENT", "EXEMPT"]
    assert answer["allowedCount"] == 2
    for number in numbers:
        assert len(await evidence(town, number)) == 1


@pytest.mark.parametrize("basis", [None, *(basis.value for basis in ExemptionBasis)])
async def test_an_exempt_sender_needs_a_basis_on_record(town: Town, basis: str | None) -> None:
    code, _login = await town.new_provider(exemption_basis=basis)
    number = new_phone()
    answer = await ask(town, number, brandCode=code, messageClass="EXEMPT_SENDER")
    assert answer["reason"] == ("NO_RECORD" if basis is None else "EXEMPT")
    # The basis exempts that relation only: a commercial message is checked as ever.
    assert (await ask(town, number, brandCode=code))["reason"] == "NO_RECORD"


async def test_who_sends_comes_before_what_is_sent(town: Town) -> None:
    code, _login = await town.new_provider()
    await accounts.set_state(town.writer, "brand", code, active=False)
    for word in ("COMMERCIAL", *EXEMPT):
        answer = await ask(town, new_phone(), brandCode=code, messageClass=word)
        assert answer == expected("SENDER_NOT_REGISTERED", None, 0)
        answer = await ask(town, new_phone(), messageClass=word, who="ministry")
        assert answer["reason"] == "NOT_AUTHORISED"


@pytest.mark.parametrize("code", [999, 2**31 - 1])
async def test_an_unknown_brand_is_not_registered(town: Town, code: int) -> None:
    for who in ("operator", "provider", "partner", "admin"):
        answer = await ask(town, new_phone(), brandCode=code, who=who)
        assert answer == expected("SENDER_NOT_REGISTERED", None, None)


async def test_who_may_ask(town: Town) -> None:
    number, world = await record(town, GRANTED), town.world
    _code, stranger = await town.new_provider()
    for who in ("operator", "provider", "partner", world.operator.basic, f"Bearer {world.api_key}"):
        assert (await ask(town, number, who=who))["reason"] == "CONSENT"
    for nobody in ("admin", "ministry", stranger):
        answer = await ask(town, number, who=nobody)
        assert (answer["reason"], answer["status"]) == ("NOT_AUTHORISED", None)
    second = await ask(town, number, who="partner", brandCode=world.second_brand_code)
    assert second["reason"] == "NOT_AUTHORISED"


@pytest.mark.parametrize("right", ["none", "read", "write"])
async def test_a_partner_may_ask_where_it_may_read(town: Town, right: str) -> None:
    brand_code = await town.new_brand()
    await accounts.put_grant(
        town.writer,
        brand_code=brand_code,
        integrator_code=town.world.integrator_code,
        grant=NewGrant("none", right, "none", reconciliation=False, via=False),
    )
    asked = {"brandCode": brand_code, "who": "partner"}
    allowed = "NOT_AUTHORISED" if right == "none" else "NO_RECORD"
    assert (await ask(town, new_phone(), **asked))["reason"] == allowed
    assert (await ask(town, new_phone(), type="ARAMA", **asked))["reason"] == "NOT_AUTHORISED"


@pytest.mark.parametrize(
    ("days", "reason"), [(-1, "NOT_AUTHORISED"), (0, "NO_RECORD"), (1, "NO_RECORD")]
)
async def test_a_partners_licence_ends_with_its_day(town: Town, days: int, reason: str) -> None:
    last_day = utc_now().astimezone(TURKEY).date() + timedelta(days=days)
    await accounts.set_licence(town.writer, town.world.integrator_code, last_day)
    answer = await ask(town, new_phone(), who="partner")
    await accounts.set_licence(town.writer, town.world.integrator_code, None)
    assert answer["reason"] == reason


async def test_an_operator_with_a_list_asks_for_no_other_brand(town: Town) -> None:
    body = {"title": "Listeli", "brands": [town.world.brand_code]}
    key = (await town.post("/accounts/operators", body, who="admin")).json()["apiKey"]
    who = f"Bearer {key}"
    assert (await ask(town, new_phone(), who=who))["reason"] == "NO_RECORD"
    second = town.world.second_brand_code
    assert (await ask(town, new_phone(), who=who, brandCode=second))["reason"] == "NOT_AUTHORISED"


async def test_a_retailer_needs_access_to_the_consent(town: Town) -> None:
    mine, brand_code = town.world.retailer_code, town.world.brand_code
    other = await accounts.add_retailer(town.writer, brand_code=brand_code, title="Öteki")
    collected = await record(town, {**GRANTED, "retailerCode": mine})
    shared = await record(town, {**GRANTED, "retailerAccess": [mine]})
    bare = await record(town, GRANTED)
    for number, code, reason in (
        (collected, mine, "CONSENT"),
        (shared, mine, "CONSENT"),
        (bare, mine, "NOT_AUTHORISED"),
        (shared, other, "NOT_AUTHORISED"),
        (collected, 12345678, "NOT_AUTHORISED"),
        (new_phone(), mine, "NOT_AUTHORISED"),
        (shared, str(mine), "CONSENT"),
    ):
        assert (await ask(town, number, retailerCode=code))["reason"] == reason
    exempt = await ask(town, bare, retailerCode=other, messageClass="LEGAL_NOTICE")
    assert exempt["reason"] == "EXEMPT"
