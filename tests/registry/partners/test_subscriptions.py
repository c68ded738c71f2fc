"""What a subscription shuts, and what it never does: a refusal, a check, its own question (design 9)."""

from dataclasses import dataclass
from typing import Any

import pytest

from shared.ledger import accounts
from tests.registry.doors import (
    Answer,
    Town,
    ago,
    codes,
    consent,
    new_phone,
    question,
    refusal,
)
from tests.registry.partners.scenes import grant, methods, new_partner, subscribe, unsubscribe
from tests.support.builders import Login

PAUSED, CLOSED = {"state": "PAUSED"}, {"state": "CLOSED"}
SHUT = [
    (PAUSED, "H520"),
    ({"state": "EXPIRED"}, "H520"),
    ({"startDate": "2020-01-01", "expirationDate": "2020-12-31"}, "H520"),
    (CLOSED, "H521"),
    ({"withApi": False}, "H586"),
    (None, "H524"),
]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A provider of a test's own, with one address in ONAY."""

    code: int
    login: Login
    brand: str
    approved: str

    @property
    def path(self) -> str:
        return f"/sps/{self.code}/subscription"

    def options(self, **changes: Any) -> dict[str, Any]:
        return {"brand": self.brand, "who": self.login, **changes}


@pytest.fixture
async def subscriber(town: Town) -> Subscriber:
    code, login = await town.new_provider()
    made = Subscriber(code, login, town.brand_path(code, code), new_phone())
    body = consent(made.approved, consentDate=ago(hours=9))
    assert (await town.add(body, **made.options())).status_code == 200
    return made


async def shut(town: Town, subscriber: Subscriber, fields: dict[str, Any] | None) -> None:
    if fields is None:
        await unsubscribe(town, subscriber.code)
    else:
        await subscribe(town, subscriber.code, **fields)


async def everything(town: Town, subscriber: Subscriber, **changes: Any) -> list[Answer]:
    options = subscriber.options(**changes)
    return [
        await town.add(consent(), **options),
        await town.add_v2(consent(), **options),
        await town.add({}, **options),
        await town.status(question(subscriber.approved), **options),
        await town.granted([subscriber.approved], **options),
        await town.get(f"/sps/{subscriber.code}/brands", who=options["who"]),
    ]


@pytest.mark.parametrize(("fields", "code"), SHUT)
async def test_a_subscription_that_is_not_open_shuts_the_wire(
    town: Town, subscriber: Subscriber, fields: dict[str, Any] | None, code: str
) -> None:
    partner = await new_partner(town)
    await grant(town, partner, subscriber.code)
    await shut(town, subscriber, fields)
    for who in (subscriber.login, partner.login):
        for answer in await everything(town, subscriber, who=who):
            assert (answer.status_code, codes(answer)) == (403, [code])
    await subscribe(town, subscriber.code)
    for who in (subscriber.login, partner.login):
        statuses = [a.status_code for a in await everything(town, subscriber, who=who)]
        assert statuses == [200, 200, 422, 200, 200, 200]


@pytest.mark.parametrize(("fields", "_code"), SHUT)
async def test_a_refusal_passes_whatever_the_subscription_says(
    town: Town, subscriber: Subscriber, fields: dict[str, Any] | None, _code: str
) -> None:
    other = new_phone()
    assert (await town.add(consent(other), **subscriber.options())).status_code == 200
    await shut(town, subscriber, fields)
    withdrawn = refusal(subscriber.approved, consentDate=ago(hours=2))
    assert (await town.add(withdrawn, **subscriber.options())).status_code == 200
    again = await town.add_v2(refusal(other, consentDate=ago(minutes=2)), **subscriber.options())
    assert again.status_code == 200
    # What the rules turn away is turned away by the rules, and leaves its block.
    first = new_phone()
    assert codes(await town.add(refusal(first), **subscriber.options())) == ["H175"]
    assert codes(await town.add({"status": "RET", "x": 1}, **subscriber.options()))[0] == "H114"
    for number in (subscriber.approved, other, first):
        assert await town.reason(number, brandCode=subscriber.code) == "REFUSED"


@pytest.mark.parametrize(("fields", "_code"), SHUT)
async def test_a_check_does_not_ask_for_subscriptions(
    town: Town, subscriber: Subscriber, fields: dict[str, Any] | None, _code: str
) -> None:
    await shut(town, subscriber, fields)
    for who in ("operator", subscriber.login):
        asked: dict[str, Any] = {"brandCode": subscriber.code, "who": who}
        assert await town.reason(subscriber.approved, **asked) == "CONSENT"
        assert await town.reason(new_phone(), **asked) == "NO_RECORD"


async def test_every_method_of_the_document_asks_for_it(town: Town, subscriber: Subscriber) -> None:
    document = (await town.client.get("/openapi.json")).json()
    asked = methods(document, iysCode=subscriber.code, integratorCode=0)
    asked = [one for one in asked if "/integrator" not in one[1] and one[1] != subscriber.path]
    assert len(asked) >= 6
    await subscribe(town, subscriber.code, **CLOSED)
    for method, path, body in asked:
        answer = await town.post(
            path, b"" if body is None else body, who=subscriber.login, method=method
        )
        assert (answer.status_code, codes(answer)) == (403, ["H521"]), (method, path)


async def test_a_stranger_learns_nothing_of_a_subscription(
    town: Town, subscriber: Subscriber
) -> None:
    await subscribe(town, subscriber.code, **CLOSED)
    stranger = await new_partner(town)
    for who in (stranger.login, "provider"):
        for answer in await everything(town, subscriber, who=who):
            assert (answer.status_code, codes(answer)) == (403, ["H353"])
        answer = await town.get(subscriber.path, who=who)
        assert (answer.status_code, codes(answer)) == (403, ["H353"])


async def test_a_new_provider_has_one_that_never_ends(town: Town, subscriber: Subscriber) -> None:
    answer = await town.get(subscriber.path, who=subscriber.login)
    assert answer.status_code == 200
    shown = answer.json()
    assert len(shown.pop("subscriptionId")) == len(shown.pop("subscipritionId")) == 36
    assert len(shown.pop("startDate")) == 19
    assert shown == {
        "expirationDate": "2099-12-31 23:59:59",
        "subscriptionPackageName": "izin",
        "status": "ACTIVE",
        "consentLimit": -1,
        "consentLimitExceed": True,
        "usedConsentLimit": 1,
    }


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (PAUSED, "PAUSED"),
        (CLOSED, "CLOSED"),
        ({"state": "EXPIRED"}, "EXPIRED"),
        ({"startDate": "2020-01-01", "expirationDate": "2020-12-31"}, "EXPIRED"),
    ],
)
async def test_the_question_for_it_is_answered_in_every_state(
    town: Town, subscriber: Subscriber, fields: dict[str, Any], status: str
) -> None:
    partner = await new_partner(town)
    await grant(town, partner, subscriber.code)
    before = (await town.get(subscriber.path, who=subscriber.login)).json()
    quota: dict[str, Any] = {"consentLimit": 5000, "mayExceed": False}
    await subscribe(town, subscriber.code, package="İleti-5 (Seviye 1)", **fields, **quota)
    shown = (await town.get(subscriber.path, who=subscriber.login)).json()
    assert shown["status"] == status
    assert shown["subscriptionId"] == before["subscriptionId"]
    assert shown["subscriptionPackageName"] == "İleti-5 (Seviye 1)"
    assert (shown["consentLimit"], shown["consentLimitExceed"]) == (5000, False)
    assert shown["usedConsentLimit"] == 1
    if "startDate" in fields:
        assert shown["startDate"] == "2020-01-01 00:00:00"
        assert shown["expirationDate"] == "2020-12-31 23:59:59"
    of_partner = (await town.get(subscriber.path, who=partner.login)).json()
    secret = {"consentLimit", "consentLimitExceed", "usedConsentLimit"}
    assert of_partner == {name: value for name, value in shown.items() if name not in secret}


async def test_none_is_h437_and_one_without_the_api_is_h586(
    town: Town, subscriber: Subscriber
) -> None:
    await subscribe(town, subscriber.code, withApi=False)
    answer = await town.get(subscriber.path, who=subscriber.login)
    assert (answer.status_code, codes(answer)) == (403, ["H586"])
    await unsubscribe(town, subscriber.code)
    answer = await town.get(subscriber.path, who=subscriber.login)
    assert (answer.status_code, codes(answer)) == (404, ["H437"])


@pytest.mark.parametrize("role", ["operator", "ministry", "admin"])
async def test_others_have_no_business_there(town: Town, subscriber: Subscriber, role: str) -> None:
    answer = await town.get(subscriber.path, who=role)
    assert (answer.status_code, codes(answer)) == (400, ["H363"])
    assert (await town.get(subscriber.path, who=None)).status_code == 401
    assert codes(await town.get("/sps/x/subscription")) == ["H190"]


async def test_a_partner_sees_its_own(town: Town) -> None:
    partner = await new_partner(town)
    path = f"{partner.path}/subscription"
    fields = {"package": "İO - API", "startDate": "2026-01-01", "expirationDate": "2030-12-31"}
    await subscribe(town, partner.code, kind="partners", state="PAUSED", **fields)
    shown = (await town.get(path, who=partner.login)).json()
    assert shown.pop("subscriptionId") == shown.pop("subscipritionId")
    assert shown == {
        "startDate": "2026-01-01 00:00:00",
        "expirationDate": "2030-12-31 23:59:59",
        "subscriptionPackageName": "İO - API",
        "status": "PAUSED",
        "iysCode": partner.code,
    }


async def test_staff_sees_what_the_clock_has_made_of_it(town: Town, subscriber: Subscriber) -> None:
    path = f"/accounts/providers/{subscriber.code}/subscription"
    dates = {"startDate": "2020-01-01", "expirationDate": "2020-12-31"}
    put = await subscribe(town, subscriber.code, consentLimit=7, mayExceed=True, **dates)
    shown = (await town.get(path, who="admin")).json()
    assert put.json() == shown
    assert len(shown.pop("subscriptionId")) == 36
    assert shown == {
        "package": "izin",
        "withApi": True,
        "state": "ACTIVE",
        "stateNow": "EXPIRED",
        **dates,
        "consentLimit": 7,
        "mayExceed": True,
        "onRecord": 1,
    }


async def test_only_staff_looks_after_subscriptions(town: Town, subscriber: Subscriber) -> None:
    path = f"/accounts/providers/{subscriber.code}/subscription"
    for who, status in ((subscriber.login, 403), ("operator", 403), (None, 401)):
        assert (await town.get(path, who=who)).status_code == status
        assert (await town.post(path, {}, who=who, method="PUT")).status_code == status
        assert (await town.post(path, b"", who=who, method="DELETE")).status_code == status
    assert (await town.get(subscriber.path, who=subscriber.login)).json()["status"] == "ACTIVE"


@pytest.mark.parametrize("kind", ["providers", "partners"])
async def test_who_is_not_there_has_none(town: Town, kind: str) -> None:
    path = f"/accounts/{kind}/999/subscription"
    for answer, code in (
        (await town.get(path, who="admin"), "UNKNOWN_ACCOUNT"),
        (await town.post(path, {}, who="admin", method="PUT"), "UNKNOWN_ACCOUNT"),
        (await town.post(path, b"", who="admin", method="DELETE"), "UNKNOWN_SUBSCRIPTION"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_one_that_was_taken_away_is_not_there(town: Town, subscriber: Subscriber) -> None:
    await unsubscribe(town, subscriber.code)
    path = f"/accounts/providers/{subscriber.code}/subscription"
    answer = await town.get(path, who="admin")
    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_SUBSCRIPTION")


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "OPEN"},
        {"consentLimit": -1},
        {"consentLimit": "5"},
        {"consentLimit": True},
        {"consentLimit": 2**63},
        {"withApi": 1},
        {"mayExceed": "yes"},
        {"package": ""},
        {"package": "a\0b"},
        {"package": "x" * 101},
        {"expirationDate": "2026-1-1"},
        {"expirationDate": "1999-12-31"},
        {"expirationDate": "2100-01-01"},
        {"expirationDate": 1_700_000_000},
        {"startDate": "0001-01-01"},
        {"startDate": "2026-01-02", "expirationDate": "2026-01-01"},
        {"stat": "ACTIVE"},
    ],
)
async def test_a_wrong_field_changes_nothing(
    town: Town, subscriber: Subscriber, fields: dict[str, Any]
) -> None:
    path = f"/accounts/providers/{subscriber.code}/subscription"
    answer = await town.post(path, fields, who="admin", method="PUT")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_FIELD")
    assert (await town.get(subscriber.path, who=subscriber.login)).json()["status"] == "ACTIVE"


async def test_a_partner_has_no_quota(town: Town) -> None:
    partner = await new_partner(town)
    path = f"/accounts/partners/{partner.code}/subscription"
    answer = await town.post(path, {"consentLimit": 5}, who="admin", method="PUT")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_FIELD")
    assert (await town.get(path, who="admin")).json()["onRecord"] == 0


async def test_a_suspended_provider_may_still_ask_for_its_own(
    town: Town, subscriber: Subscriber
) -> None:
    await accounts.set_state(town.writer, "provider", subscriber.code, active=False)
    assert (await town.get(subscriber.path, who=subscriber.login)).status_code == 200
