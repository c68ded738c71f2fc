"""From an application to an account: by anybody, decided by staff, handed out once."""

import asyncio
from typing import Any

import pytest

from tests.registry.administration.papers import (
    CONTACT,
    application,
    delete,
    everything,
    file,
    problem,
)
from tests.registry.doors import DROP, Town, consent, sign_in
from tests.support.national_ids import mersis, tckn, vkn


@pytest.fixture(autouse=True)
async def yesterday(town: Town) -> None:
    """Let what other tests filed have been filed the day before."""
    await town.owner.execute("UPDATE application SET created_at = created_at - interval '1 day'")


async def test_an_applicant_becomes_a_provider_that_records_consents(town: Town) -> None:
    path, secret = await file(town, application(title="Kuzey A.Ş."))
    seen = (await town.get(path, who=secret)).json()
    assert (seen["state"], seen["title"], seen["contact"]) == ("OPEN", "Kuzey A.Ş.", CONTACT)
    assert problem(await town.post(f"{path}/account", {}, who=secret)) == (409, "CONFLICT")

    answer = await town.post(f"{path}/approval", {}, who="admin")
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["brandCodes"][0] == made["iysCode"]
    assert len(made["brandCodes"]) == 2
    assert "password" not in answer.text

    account = (await town.post(f"{path}/account", {}, who=secret)).json()
    signed_in = await sign_in(town.client, account["username"], account["password"])
    token = f"Bearer {signed_in.json()['access_token']}"
    for brand in made["brandCodes"]:
        recorded = await town.add(
            consent(), brand=town.brand_path(brand, made["iysCode"]), who=token
        )
        assert recorded.status_code == 200
    names = [
        brand["name"]
        for brand in (await town.get(f"/sps/{made['iysCode']}/brands", who=token)).json()
    ]
    assert names == ["Deneme Ana", "Deneme Yan"]
    decided = (await town.get(path, who=token)).json()
    assert (decided["state"], decided["iysCode"]) == ("APPROVED", made["iysCode"])
    assert decided["decidedBy"] == town.world.admin.username


async def test_the_account_is_handed_out_once(town: Town) -> None:
    path, secret = await file(town)
    await town.post(f"{path}/approval", {}, who="admin")
    answers = await asyncio.gather(
        *(town.post(f"{path}/account", {}, who=secret) for _ in range(4)),
        town.post(f"{path}/account", {}, who="admin"),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


async def test_an_approved_account_has_no_password_before_it_is_handed_out(town: Town) -> None:
    path, _ = await file(town)
    await town.post(f"{path}/approval", {}, who="admin")
    row = await town.owner.fetchrow(
        "SELECT secret_hash, asked::text FROM application JOIN api_user USING (user_id)"
        " WHERE reference = $1",
        path.rpartition("/")[2],
    )
    assert row is not None
    assert row["secret_hash"].startswith("$argon2id$")
    assert "assword" not in row["asked"]


async def test_a_rejection_says_why_and_makes_nothing(town: Town) -> None:
    path, secret = await file(town)
    before = await town.owner.fetchval("SELECT count(*) FROM provider")
    rejected = await town.post(f"{path}/rejection", {"reason": "Sicil kaydı yok."}, who="admin")
    assert rejected.status_code == 204
    seen = (await town.get(path, who=secret)).json()
    assert (seen["state"], seen["reason"]) == ("REJECTED", "Sicil kaydı yok.")
    assert problem(await town.post(f"{path}/approval", {}, who="admin")) == (409, "CONFLICT")
    assert problem(await town.post(f"{path}/account", {}, who=secret)) == (409, "CONFLICT")
    assert await town.owner.fetchval("SELECT count(*) FROM provider") == before


async def test_two_who_approve_at_once_make_one_provider(town: Town) -> None:
    path, _ = await file(town)
    before = await town.owner.fetchval("SELECT count(*) FROM provider")
    answers = await asyncio.gather(
        *(town.post(f"{path}/approval", {}, who="admin") for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await town.owner.fetchval("SELECT count(*) FROM provider") == before + 1


async def test_a_number_that_is_taken_leaves_the_application_open(town: Town) -> None:
    path, secret = await file(town)
    body = {"iysCode": town.world.iys_code}
    assert problem(await town.post(f"{path}/approval", body, who="admin")) == (
        409,
        "ALREADY_EXISTS",
    )
    assert (await town.get(path, who=secret)).json()["state"] == "OPEN"
    made = await town.post(f"{path}/approval", {"iysCode": 540_017}, who="admin")
    assert made.json()["iysCode"] == 540_017


async def test_what_was_withdrawn_cannot_be_approved(town: Town) -> None:
    path, secret = await file(town)
    assert (await delete(town, path, who=secret)).status_code == 204
    assert problem(await delete(town, path, who=secret)) == (409, "CONFLICT")
    assert problem(await town.post(f"{path}/approval", {}, who="admin")) == (409, "CONFLICT")


@pytest.mark.parametrize("who", [None, "provider", "partner", "operator", "ministry", "another"])
async def test_an_application_is_nobody_else_s_business(town: Town, who: str | None) -> None:
    path, _ = await file(town)
    credential = (await file(town))[1] if who == "another" else who
    refused = [
        await town.get(path, who=credential),
        await delete(town, path, who=credential),
        await town.post(f"{path}/account", {}, who=credential),
        await town.get(f"{path}/documents/1", who=credential),
    ]
    expected = (
        (401, "NOT_AUTHENTICATED") if who in {None, "another"} else (404, "UNKNOWN_APPLICATION")
    )
    assert [problem(answer) for answer in refused] == [expected] * 4
    decided = [
        await town.post(f"{path}/approval", {}, who=credential),
        await town.post(f"{path}/rejection", {"reason": "-"}, who=credential),
    ]
    status = 401 if who in {None, "another"} else 403
    assert [answer.status_code for answer in decided] == [status] * 2


async def test_what_does_not_exist_is_said_so_to_staff_alone(town: Town) -> None:
    path = "/accounts/applications/B000000000"
    assert problem(await town.get(path, who="admin")) == (404, "UNKNOWN_APPLICATION")
    assert problem(await town.post(f"{path}/approval", {}, who="admin")) == (
        404,
        "UNKNOWN_APPLICATION",
    )
    _, secret = await file(town)
    assert problem(await town.get(path, who=secret)) == (401, "NOT_AUTHENTICATED")


FIRM = 654_321


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"taxNumber": "1234567891"}, ["/taxNumber"]),
        ({"taxNumber": "12345678901"}, ["/taxNumber"]),
        ({"taxNumber": vkn(FIRM), "mersis": DROP}, ["/mersis"]),
        ({"taxNumber": vkn(FIRM), "mersis": "0123456788000019"}, ["/mersis"]),
        ({"taxNumber": vkn(FIRM), "mersis": mersis(FIRM + 1)}, ["/mersis"]),
        ({"taxNumber": "1234567891", "mersis": "0123456788000019"}, ["/taxNumber", "/mersis"]),
        ({"taxNumber": "123"}, ["/taxNumber"]),
        ({"mersis": "12"}, ["/mersis"]),
        ({"brands": []}, ["/brands"]),
        ({"brands": [{"name": "x"}] * 11}, ["/brands"]),
        ({"contact": {"name": "x", "email": "no address"}}, ["/contact/email"]),
        ({"contact": {**CONTACT, "phone": "0599"}}, ["/contact/phone"]),
        ({"contact": DROP}, ["/contact"]),
        ({"title": "a\nb"}, ["/title"]),
        ({"unknown": 1}, ["/unknown"]),
        ({"kind": "PROVIDER"}, ["/kind"]),
    ],
)
async def test_a_bad_application_is_refused_field_by_field(
    town: Town, changes: dict[str, Any], pointers: list[str]
) -> None:
    answer = await town.post("/accounts/applications", application(**changes), who=None)
    assert problem(answer) == (422, "INVALID_FIELD")
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


async def test_a_tradesman_applies_with_the_number_of_his_person(town: Town) -> None:
    path, _ = await file(town, application(taxNumber=tckn(4_321), mersis=DROP))
    assert (await town.post(f"{path}/approval", {}, who="admin")).status_code == 200


async def test_a_network_applies_so_many_times_a_day(town: Town) -> None:
    answers = await asyncio.gather(
        *(town.post("/accounts/applications", application(), who=None) for _ in range(7))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [429] * 2
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert problem(refused) == (429, "TOO_MANY_REQUESTS")
    assert int(refused.headers["retry-after"]) > 0


async def test_a_registry_may_take_no_applications(town: Town) -> None:
    async with town.another_process(applications_a_day_max=0) as closed:
        answer = await town.post("/accounts/applications", application(), who=None, at=closed)
    assert problem(answer) == (403, "FORBIDDEN")


async def test_staff_lists_what_is_open_page_by_page(town: Town) -> None:
    filed = [(await file(town))[0].rpartition("/")[2] for _ in range(3)]
    listed = await everything(town, "/accounts/applications?state=OPEN&kind=PROVIDER")
    assert [item["reference"] for item in listed][-3:] == filed
    assert {item["contact"] for item in listed} == {None}
    assert {item["state"] for item in listed} == {"OPEN"}
    assert problem(await town.get("/accounts/applications", who="operator")) == (403, "FORBIDDEN")
    mine = await everything(town, "/accounts/applications", who="provider")
    assert [item for item in mine if item["iysCode"] != town.world.iys_code] == []


async def test_nothing_of_a_contact_is_stored_in_clear(town: Town) -> None:
    contact = {"name": "Gizli Kişi", "email": "gizli@deneme.example", "phone": "+905990000177"}
    path, secret = await file(town, application(contact=contact))
    assert (await town.get(path, who=secret)).json()["contact"] == contact
    rows = await town.owner.fetch("SELECT application::text AS all FROM application")
    events = await town.owner.fetch("SELECT account_event::text AS all FROM account_event")
    for row in [*rows, *events]:
        for clear in ("Gizli Kişi", "gizli@deneme", "5990000177", secret.removeprefix("Bearer ")):
            assert clear not in row["all"]
            assert clear.encode().hex() not in row["all"]
