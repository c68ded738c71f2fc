"""Every public code of the wire's two tables (iys-api 12.1 and 12.2), over HTTP or with a reason why not.

`ROWS` reads: code, operation, body, status, location, value. A row's answer holds that one error and
nothing else. `value` is missing from the answer where the field was missing from the request; `index`
belongs to list bodies and appears nowhere here.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.registry import record_consent
from tests.registry.doors import (
    DROP,
    Answer,
    Town,
    ago,
    ahead,
    codes,
    consent,
    new_email,
    new_phone,
    only_error,
    question,
    refusal,
)

ABSENT = object()
KNOWN = new_phone()
REFUSED = new_phone()
MERCHANT = new_phone()
EMAIL = new_email()
KNOWN_SINCE = ago(hours=5)
LATE = ago(days=30)
SOON = ahead(hours=5)
LONG = "+905990000001234"
NAMELESS = {name: value for name, value in consent().items() if name != "recipient"}
NOBODYS = 12345678  # no retailer's code, but for the world's one, which is drawn from 90 million


@dataclass(frozen=True)
class Row:
    code: str
    operation: str
    body: Any
    status: int
    location: list[str | int] | None = None
    value: Any = ABSENT


def merchant(**changes: Any) -> dict[str, Any]:
    return consent(MERCHANT, **{"recipientType": "TACIR", **changes})


ROWS = (
    # 12.1: the request as a whole, who asks, and where
    Row("H001", "GET /sps/999/brands", None, 404),
    Row("H014", "list", b"{", 400),
    Row("H018", "POST /brands/999/consents/BIREYSEL/rejected/MESAJ", {"recipients": [KNOWN]}, 404),
    Row("H085", "add", [], 400),
    Row("H085", "add", b"", 400),
    Row("H085", "add v2", b'{"recipient":', 400),
    Row("H097", "status", [], 400),
    Row("H097", "status", b"not JSON", 400),
    Row("H190", "POST /sps/1x/brands/1/consents", consent(), 422),
    Row("H191", "POST /sps/1/brands/x/consents", consent(), 422),
    Row("H267", "add", consent(retailerCode=""), 400),
    Row("H351", "add without a token", consent(), 401),
    Row("H353", "POST /sps/999/brands/999/consents", consent(), 403),
    Row("H353", "add", consent(retailerCode=NOBODYS), 403),
    Row("H355", "POST /sps/1/brands/1/nothing", consent(), 404),
    Row("H363", "add as an operator", consent(), 400),
    # 12.2: what is missing
    Row("H110", "add", consent(status=DROP), 422, ["status"]),
    Row("H111", "add", consent(type=DROP), 422, ["type"]),
    Row("H111", "status", question(KNOWN, type=DROP), 422, ["type"]),
    Row("H112", "add", consent(consentDate=DROP), 422, ["consentDate"]),
    Row("H113", "add", consent(source=DROP), 422, ["source"]),
    Row("H114", "add", NAMELESS, 422, ["recipient"]),
    Row("H114", "status", {"type": "MESAJ", "recipientType": "TACIR"}, 422, ["recipient"]),
    Row("H170", "status", question(KNOWN, recipientType=DROP), 422, ["recipientType"]),
    # words outside their enum
    Row("H115", "add", consent(status="EVET"), 422, ["status"], "EVET"),
    Row("H116", "add", consent(recipientType="KURUMSAL"), 422, ["recipientType"], "KURUMSAL"),
    Row("H116", "status", question(KNOWN, recipientType=5), 422, ["recipientType"], 5),
    Row("H116", "list KURUMSAL MESAJ", {"recipients": []}, 422, ["recipientType"], "KURUMSAL"),
    Row("H117", "add", consent(type="SMS"), 422, ["type"], "SMS"),
    Row("H117", "status", question(KNOWN, type=["MESAJ"]), 422, ["type"], ["MESAJ"]),
    Row("H117", "list BIREYSEL SMS", {"recipients": []}, 422, ["type"], "SMS"),
    Row("H119", "add", consent(source="IYS_WEB"), 422, ["source"], "IYS_WEB"),
    Row("H119", "add", consent(source=""), 422, ["source"], ""),
    Row("H118", "add", consent(note="hello"), 422, ["note"], "hello"),
    Row("H118", "add v2", consent(note={"a": [1]}), 422, ["note"], {"a": [1]}),
    # addresses
    Row("H120", "add", consent("a@b", type="EPOSTA"), 422, ["recipient"], "a@b"),
    Row("H120", "status", question("örnek@posta.example", type="EPOSTA"), 422, ["recipient"],
        "örnek@posta.example"),
    Row("H121", "add", consent("05990000001"), 422, ["recipient"], "05990000001"),
    Row("H121", "status", question("+90"), 422, ["recipient"], "+90"),
    Row("H121", "list", {"recipients": [17]}, 422, ["recipient"], 17),
    Row("H166", "status", question(LONG), 422, ["recipient"], LONG),
    Row("H464", "add", consent("a@posta.example"), 422, ["recipient"], "a@posta.example"),
    Row("H464", "status", question(KNOWN, type="EPOSTA"), 422, ["recipient"], KNOWN),
    Row("H464", "list", {"recipients": ["a@posta.example"]}, 422, ["recipient"], "a@posta.example"),
    # dates
    Row("H155", "add", consent(source="HS_2015", consentDate=KNOWN_SINCE), 422, ["consentDate"],
        KNOWN_SINCE),
    Row("H156", "add", consent(consentDate="2015-04-30 23:59:59"), 422, ["consentDate"],
        "2015-04-30 23:59:59"),
    Row("H157", "add", consent(consentDate="2026-02-30 10:00:00"), 422, ["consentDate"],
        "2026-02-30 10:00:00"),
    Row("H158", "add", consent(consentDate="2026-03-02T14:05:09"), 422, ["consentDate"],
        "2026-03-02T14:05:09"),
    Row("H158", "add", consent(consentDate=KNOWN_SINCE + " "), 422, ["consentDate"],
        KNOWN_SINCE + " "),
    Row("H158", "add", consent(consentDate=None), 422, ["consentDate"], None),
    Row("H162", "add", consent(consentDate=SOON), 422, ["consentDate"], SOON),
    Row("H467", "add", consent(consentDate=LATE), 422, ["consentDate"], LATE),
    # the source's own rules
    Row("H408", "add", consent(source="HS_KARAR"), 422, ["status"], "ONAY"),
    Row("H486", "add", refusal(source="HS_KARAR"), 400),
    # retailers
    Row("H163", "add", consent(retailerAccess=[]), 422, ["retailerAccess"], []),
    Row("H180", "add", consent(retailerAccess=[NOBODYS]), 403, ["retailerAccess", 0], NOBODYS),
    Row("H180", "add", consent(retailerCode="1234"), 403, ["retailerCode"], "1234"),
    Row("H193", "add", consent(retailerAccess=[NOBODYS, NOBODYS]), 422, ["retailerAccess", 1], NOBODYS),
    # state
    Row("H174", "add", refusal(REFUSED), 400),
    Row("H175", "add", refusal(), 400),
    Row("H178", "add", consent(KNOWN, consentDate=KNOWN_SINCE), 400),
    Row("H178", "add", refusal(KNOWN, consentDate=ago(hours=6)), 400),
    Row("H462", "add", merchant(consentDate=DROP), 400),
    Row("H463", "add", merchant(source=DROP), 400),
    Row("H401", "status", question(new_phone()), 404),
    # lists
    Row("H164", "list", {"recipients": []}, 422, ["recipients"], []),
    Row("H168", "list", {}, 422, ["recipients"]),
    Row("H168", "list", [KNOWN], 422, ["recipients"]),
    Row("H478", "list", {"recipients": KNOWN}, 422, ["recipients"], KNOWN),
    Row("H127", "list", {"recipients": [KNOWN] * 1001}, 422, ["recipients"]),
    Row("H193", "list", {"recipients": [KNOWN, REFUSED, KNOWN]}, 422, ["recipients", 2], KNOWN),
    Row("H193", "list BIREYSEL EPOSTA", {"recipients": [EMAIL, EMAIL.upper()]}, 422,
        ["recipients", 1], EMAIL.upper()),
)  # fmt: skip

# One fault that the wire says with two codes, or that is said of two fields.
ROWS_OF_TWO = (
    ("add", consent(LONG), [("H160", ["recipient"], LONG), ("H121", ["recipient"], LONG)]),
    (
        "add",
        consent("kayıp adres", type="POSTA"),
        [("H122", ["recipient"], "kayıp adres"), ("H117", ["type"], "POSTA")],
    ),
    ("add", consent(retailerAccess=list(range(3001))), [("H126", ["retailerAccess"], ABSENT)]),
)

# Tests of their own below: these need something to break.
OF_FAULTS = {"H015", "H101", "H123", "H192"}

# Produced by the tests of an area, each in the file that is named.
OF_AREAS = {
    "push/test_registration.py": {"H093", "H412"},
    "partners/test_granted.py": {"H129", "H522"},
    "partners/test_subscriptions.py": {"H437", "H520", "H521", "H524", "H586"},
    "partners/test_quota.py": {"H525"},
    "retailers/test_codes.py": {
        *("H014", "H016", "H017", "H018", "H090", "H250", "H251", "H252"),
    },
    "retailers/test_access_codes.py": {"H058", "H169", "H171", "H172", "H173", "H401"},
    "retailers/test_retailers.py": {"H061", "H067"},
}

_RETAILERS = "no published method changes a retailer; whatever breaks on our side is H015"
_BATCH = "the asynchronous batch comes later"
_ONE_FAULT = "whatever breaks on our side is H015, and a silent ledger H192"
IMPOSSIBLE = {
    **dict.fromkeys(("H060", "H062"), _RETAILERS),
    "H031": "a token whose user is gone is H351",
    "H245": "a number that no partner has is H129",
    "H268": "who asks is the partner's own account",
    "H402": "the list of granted brands has no body",
    **dict.fromkeys(("H082", "H241"), "cities and towns come later"),
    **dict.fromkeys(("H092", "H091", "H125", "H194"), _BATCH),
    "H095": "transactions come later",
    **dict.fromkeys(("H098", "H403"), "the question about changes comes later"),
    **dict.fromkeys(("H404", "H405", "H195", "H196", "H197"), "the search of brands comes later"),
    **dict.fromkeys(("H100", "H102", "H103", "H105", "H106", "H107"), _ONE_FAULT),
    **dict.fromkeys(("H179", "H181", "H470", "H476"), _ONE_FAULT),
    "H176": "staff have a surface of their own, with problem documents",
    "H266": "every code of these requests is in the path, or optional",
    "H459": "an address of the other kind is H464",
}

PUBLISHED_12_1 = (
    *("H001", "H014", "H015", "H016", "H017", "H018", "H031", "H058", "H060", "H061", "H062"),
    *("H067", "H082", "H241", "H085", "H090", "H092", "H093", "H095", "H097", "H098", "H403"),
    *("H405", "H402", "H100", "H101", "H102", "H103", "H105", "H106", "H107", "H179", "H181"),
    *("H470", "H476", "H412", "H123", "H129", "H176", "H190", "H191", "H192", "H195", "H196"),
    *("H197", "H404", "H245", "H268", "H250", "H251", "H252", "H266", "H267", "H351", "H353"),
    *("H355", "H363", "H437", "H520", "H521", "H524", "H586", "H522", "H525"),
)
PUBLISHED_12_2 = (
    *("H110", "H111", "H112", "H113", "H114", "H170", "H115", "H116", "H117", "H119", "H118"),
    *("H120", "H121", "H122", "H160", "H166", "H155", "H156", "H157", "H158", "H162", "H467"),
    *("H408", "H486", "H464", "H459", "H091", "H125", "H194", "H193", "H174", "H175", "H178"),
    *("H462", "H463", "H163", "H126", "H180", "H171", "H172", "H173", "H401", "H164", "H168"),
    *("H169", "H478", "H127"),
)


@pytest.fixture(scope="module", autouse=True)
async def records(town: Town) -> None:
    """Put on record what the rows about states need."""
    for body in (
        consent(KNOWN, consentDate=KNOWN_SINCE),
        consent(REFUSED, consentDate=ago(hours=4)),
        refusal(REFUSED, consentDate=ago(hours=3)),
        merchant(consentDate=ago(hours=4)),
    ):
        assert (await town.add(body)).status_code == 200


async def ask(town: Town, operation: str, body: Any) -> Answer:
    match operation.split():
        case ["add", "as", "an", "operator"]:
            return await town.add(body, who="operator")
        case ["add", "without", "a", "token"]:
            return await town.add(body, who=None)
        case ["list", *words]:
            kind, channel = words or ("BIREYSEL", "MESAJ")
            return await town.post(f"{town.brand}/consents/{kind}/status/{channel}", body)
        case [("GET" | "POST") as method, path]:
            who = town.world.operator.basic if path.startswith("/brands") else "provider"
            return await town.post(path, body, who=who, method=method)
        case _:
            send = {"add": town.add, "add v2": town.add_v2, "status": town.status}[operation]
            return await send(body)


def named(row: Row) -> str:
    return f"{row.code}-{row.operation}"


@pytest.mark.parametrize("row", ROWS, ids=named)
async def test_every_code_has_its_status_location_and_value(town: Town, row: Row) -> None:
    before = await town.owner.fetchval("SELECT count(*) FROM movement WHERE kind = 'CONSENT'")
    answer = await ask(town, row.operation, row.body)
    assert answer.headers["content-type"] == "application/json"
    expected: dict[str, Any] = {"code": row.code}
    if row.location is not None:
        expected["location"] = row.location
    if row.value is not ABSENT:
        expected["value"] = row.value
    assert (answer.status_code, only_error(answer)) == (row.status, expected)
    after = await town.owner.fetchval("SELECT count(*) FROM movement WHERE kind = 'CONSENT'")
    assert after == before


@pytest.mark.parametrize(("operation", "body", "expected"), ROWS_OF_TWO)
async def test_faults_that_come_together(
    town: Town, operation: str, body: Any, expected: list[tuple[str, list[str], Any]]
) -> None:
    answer = await ask(town, operation, body)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [(e["code"], e["location"]) for e in errors] == [(c, at) for c, at, _value in expected]
    for error, (_code, _location, value) in zip(errors, expected, strict=True):
        assert "index" not in error
        assert value is ABSENT or error["value"] == value


async def test_every_field_can_be_wrong_at_once(town: Town) -> None:
    wrong = consent(
        "x",
        source="y",
        status="z",
        consentDate="now",
        recipientType="w",
        retailerCode=1,
        retailerAccess=[],
        more=1,
    )
    assert codes(await town.add(wrong)) == [
        *("H121", "H119", "H115", "H158", "H116", "H180", "H163", "H118"),
    ]
    assert codes(await town.add({})) == ["H114", "H111", "H113", "H110", "H112"]
    assert codes(await town.status({})) == ["H114", "H111", "H170"]


async def test_what_a_message_says_helps(town: Town) -> None:
    async def text(body: object) -> str:
        return str((await town.add(body)).json()["errors"][0]["message"])

    assert (await text(refusal(REFUSED))).endswith(": RET")
    assert "ONAY, RET" in await text(consent(status="EVET"))
    assert "HS_WEB" in await text(consent(source="HS_TACIR"))
    assert "HS_KARAR" not in await text(refusal(source="HS_KARAR"))


async def test_h015_is_all_that_is_said_of_a_fault_of_ours(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(KNOWN)

    monkeypatch.setattr(record_consent, "judge", broken)
    answer = await town.add(consent())
    assert (answer.status_code, only_error(answer)) == (500, {"code": "H015"})
    assert KNOWN not in answer.text


async def test_h123_when_a_key_never_comes_free(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody holds the key's row; the writer gives up waiting (2 s), reads anew and, here, at once gives up.
    monkeypatch.setattr(record_consent, "ATTEMPTS_MAX", 1)
    number = new_phone()
    assert (await town.add(consent(number, consentDate=ago(hours=2)))).status_code == 200
    async with town.owner.transaction():
        await town.owner.execute("SELECT FROM consent FOR UPDATE")
        answer = await town.add(refusal(number))
    assert (answer.status_code, only_error(answer)) == (400, {"code": "H123"})
    assert (await town.add(refusal(number))).status_code == 200


async def hung_up_on(town: Town, lock: str, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Let the ledger end the registry's session while it waits for a lock of ours."""
    hang_up = """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'izin_registry' AND wait_event_type = 'Lock'
    """
    async with town.owner.transaction():
        await town.owner.execute(lock)
        asked = asyncio.create_task(work)
        while not await town.owner.fetchval(hang_up):  # noqa: ASYNC110  # it is the server that waits
            await asyncio.sleep(0.01)
        return await asked


async def test_h192_when_the_ledger_hangs_up_on_a_question(town: Town) -> None:
    lock = "LOCK TABLE consent IN ACCESS EXCLUSIVE MODE"
    answer = await hung_up_on(town, lock, town.status(question(KNOWN)))
    assert (answer.status_code, only_error(answer)) == (503, {"code": "H192"})
    assert answer.headers["retry-after"] == "1"
    assert (await town.status(question(KNOWN))).status_code == 200


async def test_h101_when_the_ledger_hangs_up_on_a_commit(town: Town) -> None:
    body, lock = consent(), "SELECT FROM brand_head FOR UPDATE"
    answer = await hung_up_on(town, lock, town.add_v2(body))
    assert (answer.status_code, only_error(answer)) == (500, {"code": "H101"})
    assert (await town.add_v2(body)).status_code == 200


def test_every_published_code_is_produced_or_has_a_reason() -> None:
    produced = {row.code for row in ROWS} | OF_FAULTS
    produced |= {code for _, _, expected in ROWS_OF_TWO for code, _, _ in expected}
    produced |= {code for of_file in OF_AREAS.values() for code in of_file}
    assert not produced & set(IMPOSSIBLE)
    assert produced | set(IMPOSSIBLE) == {*PUBLISHED_12_1, *PUBLISHED_12_2}
    assert all(IMPOSSIBLE.values())


@pytest.mark.parametrize("name", OF_AREAS)
def test_a_file_of_an_area_produces_what_it_is_named_for(name: str) -> None:
    text = (Path(__file__).parent / name).read_text()
    assert {code for code in OF_AREAS[name] if f'"{code}"' not in text} == set()
