"""Who may do what on the wire, and with which code everybody else is turned away."""

from datetime import timedelta
from typing import Any

import pytest

from shared.clock import utc_now
from shared.domain.wire_time import TURKEY
from shared.ledger import accounts
from shared.ledger.accounts import NewGrant
from shared.sealing.keyring import new_key_ring
from tests.registry.doors import (
    Answer,
    Town,
    ago,
    codes,
    consent,
    new_email,
    new_phone,
    question,
    refusal,
)
from tests.support.builders import API_KEY, Login, new_user

CHANNELS = ("ARAMA", "MESAJ", "EPOSTA")


def refused(answer: Answer, status: int, code: str) -> bool:
    return (answer.status_code, codes(answer)) == (status, [code])


async def everything(town: Town, who: Login | str | None, **options: Any) -> list[Answer]:
    """Ask every operation of the wire at the first brand."""
    body = options.pop("body", None) or consent()
    return [
        await town.add(body, who=who, **options),
        await town.add_v2(body, who=who, **options),
        await town.status(question(new_phone()), who=who, **options),
        await town.granted([new_phone()], who=who, **options),
    ]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "Token x",
        "Basic",
        "Basic !!!",
        "Basic dGVzdC1wcm92aWRlcg==",
        "Basic dGVzdC1wcm92aWRlcjp3cm9uZw==",
        "Basic //79",
        f"Bearer {API_KEY}x",
        "Bearer izin_",
        "Bearer " + "x" * 30_000,
        "Negotiate \xff",
    ],
)
async def test_no_good_credential_is_h351(town: Town, authorization: str | None) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
    for path in (f"/sps/{town.world.iys_code}/brands", town.brand + "/consents/status"):
        method = "GET" if path.endswith("brands") else "POST"
        answer = await town.client.request(method, path, headers=headers)
        assert refused(answer, 401, "H351")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_expired_and_forged_tokens_are_h351(town: Town) -> None:
    good = await town.forged(town.ring)
    expired = await town.forged(town.ring, hours_ago=2.001)
    nearly = await town.forged(town.ring, hours_ago=1.99)
    other_key = await town.forged(new_key_ring())
    head, claims, signature = good.split(".")
    tampered = f"{head}.{claims[:-2]}AA.{signature}"
    for bad in (expired, other_key, tampered):
        for answer in await everything(town, bad):
            assert refused(answer, 401, "H351")
    for fine in (good, nearly):
        assert (await town.add(consent(), who=fine)).status_code == 200


async def test_a_key_or_basic_credential_of_a_provider_works_on_the_wire(town: Town) -> None:
    answer = await town.add(consent(), who=town.world.provider.basic)
    assert answer.status_code == 200


@pytest.mark.parametrize("role", ["operator", "ministry", "admin"])
async def test_who_has_no_business_on_the_wire_is_h363(town: Town, role: str) -> None:
    for answer in await everything(town, role):
        assert refused(answer, 400, "H363")
    answer = await town.get(f"/sps/{town.world.iys_code}/brands", who=role)
    assert refused(answer, 400, "H363")


async def test_somebody_elses_brand_and_nobodys_are_the_same(town: Town) -> None:
    other, _login = await town.new_provider()
    texts = set()
    for brand in (
        town.brand_path(other, other),
        town.brand_path(other),
        town.brand_path(999),
        town.brand_path(2**40),
        "/sps/999/brands/999",
    ):
        for answer in await everything(town, "provider", brand=brand):
            assert refused(answer, 403, "H353"), brand
            texts.add(answer.json()["errors"][0]["message"].partition(":")[0])
    assert len(texts) == 1


async def test_a_brand_under_another_number_of_its_provider_is_not_there(town: Town) -> None:
    brand = town.brand_path(town.world.second_brand_code, town.world.second_brand_code)
    for answer in await everything(town, "provider", brand=brand):
        assert refused(answer, 403, "H353")


def address(channel: str) -> str:
    return new_email() if channel == "EPOSTA" else new_phone()


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("right", ["none", "read", "write"])
async def test_a_partner_has_its_rights_channel_by_channel(
    town: Town, right: str, channel: str
) -> None:
    rights = [right if name == channel else "none" for name in CHANNELS]
    call, sms, email = rights
    grant = NewGrant(call, sms, email, reconciliation=False, via=False)
    code, brand_code = town.world.integrator_code, await town.new_brand()
    brand = town.brand_path(brand_code)
    await accounts.put_grant(town.writer, brand_code=brand_code, integrator_code=code, grant=grant)
    for name in CHANNELS:
        body = consent(address(name), type=name)
        read = right if name == channel else "none"
        options = {"brand": brand, "who": "partner"}
        for answer in (await town.add(body, **options), await town.add_v2(body, **options)):
            assert answer.status_code == (200 if read == "write" else 403)
        asked = question(body["recipient"], type=name)
        may_read = read != "none"
        answer = await town.status(asked, **options)
        assert answer.status_code == ((200 if read == "write" else 404) if may_read else 403)
        listed = await town.granted([body["recipient"]], channel=name, **options)
        assert listed.status_code == (200 if may_read else 403)
    malformed = await town.add({}, brand=brand, who="partner")
    assert malformed.status_code == (422 if right == "write" else 403)


async def test_a_partner_without_a_grant_is_h353(town: Town) -> None:
    brand = town.brand_path(town.world.second_brand_code)
    for answer in await everything(town, "partner", brand=brand):
        assert refused(answer, 403, "H353")


@pytest.mark.parametrize(("days", "valid"), [(-1, False), (0, True), (1, True)])
async def test_a_licence_ends_with_its_day_in_turkey(town: Town, days: int, valid: bool) -> None:  # noqa: FBT001
    last_day = utc_now().astimezone(TURKEY).date() + timedelta(days=days)
    await accounts.set_licence(town.writer, town.world.integrator_code, last_day)
    answer = await town.add(consent(), who="partner")
    await accounts.set_licence(town.writer, town.world.integrator_code, None)
    assert answer.status_code == 200 if valid else refused(answer, 403, "H353")
    assert (await town.add(consent(), who="partner")).status_code == 200


async def test_a_suspended_partner_is_nobody(town: Town) -> None:
    code = town.world.integrator_code
    await accounts.set_state(town.writer, "partner", code, active=False)
    for answer in await everything(town, "partner"):
        assert refused(answer, 401, "H351")
    await accounts.set_state(town.writer, "partner", code, active=True)
    assert (await town.add(consent(), who="partner")).status_code == 200


async def test_a_suspended_operator_is_nobody(town: Town) -> None:
    code = town.world.operator_code
    key = f"Bearer {API_KEY}"
    assert await town.reason(new_phone(), who=key) == "NO_RECORD"
    await accounts.set_state(town.writer, "operator", code, active=False)
    for who in (key, town.world.operator.basic, await town.token(town.world.operator)):
        bearer = who if who.startswith("B") else f"Bearer {who}"
        answer = await town.check({"type": "MESAJ", "recipient": new_phone()}, who=bearer)
        assert answer.status_code == 401
    await accounts.set_state(town.writer, "operator", code, active=True)
    assert await town.reason(new_phone(), who=key) == "NO_RECORD"


@pytest.mark.parametrize("kind", ["brand", "provider"])
async def test_a_suspended_brand_takes_a_refusal_and_nothing_else(town: Town, kind: str) -> None:
    code, login = await town.new_provider()
    brand, number = town.brand_path(code, code), new_phone()
    options: dict[str, Any] = {"brand": brand, "who": login}
    assert (await town.add(consent(number, consentDate=ago(hours=5)), **options)).status_code == 200
    await accounts.set_state(town.writer, kind, code, active=False)
    assert refused(await town.add(consent(), **options), 403, "H353")
    assert refused(await town.add_v2(consent(), **options), 403, "H353")
    assert (await town.add(refusal(number, consentDate=ago(hours=4)), **options)).status_code == 200
    assert refused(await town.add(refusal(), **options), 400, "H175")  # and leaves a block
    assert (await town.status(question(number), **options)).json()["status"] == "RET"
    await accounts.set_state(town.writer, kind, code, active=True)
    assert await town.reason(number, brandCode=code) == "REFUSED"
    assert (await town.add(consent(), **options)).status_code == 200


async def test_a_suspended_user_is_nobody_and_comes_back(town: Town) -> None:
    code, login = await town.new_provider()
    options: dict[str, Any] = {"brand": town.brand_path(code, code), "who": login}
    assert (await town.add(consent(), **options)).status_code == 200
    set_state = "UPDATE api_user SET state = $2 WHERE user_id = $1"
    await town.owner.execute(set_state, login.user_id, "SUSPENDED")
    for answer in await everything(town, login, brand=options["brand"]):
        assert refused(answer, 401, "H351")
    await town.owner.execute(set_state, login.user_id, "ACTIVE")
    # The old token stays dead: its epoch has passed.
    assert refused(await town.add(consent(), **options), 401, "H351")
    assert (await town.add(consent(), **{**options, "who": login.basic})).status_code == 200


async def test_rights_come_before_the_body_is_judged(town: Town) -> None:
    bodies: tuple[object, ...] = ({}, {"recipient": "x"}, [], consent(type="?"))
    for body in bodies:
        answer = await town.add(body, brand=town.brand_path(999))
        assert refused(answer, 403, "H353")
        answer = await town.add(body, who="operator")
        assert refused(answer, 400, "H363")
    assert refused(await town.add(b"{", who=None), 401, "H351")


async def test_a_new_user_of_the_staff_can_sign_in_at_once(town: Town) -> None:
    await accounts.add_user(town.writer, new_user("admin", username="second-admin"))
    login = await town.login("second-admin", "admin")
    assert refused(await town.add(consent(), who=login), 400, "H363")
