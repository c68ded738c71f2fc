"""Batches of the wire: taken in whole or not at all, worked off in two lanes, told item by item."""

import asyncio
import re

import pytest

from services.ingest.batches.accept_batch import item_id
from shared.clock import utc_now
from shared.ledger import accounts
from shared.ledger.ingest_jobs import Lane
from tests.ingest.working import hand_in, result, work_off, worker
from tests.registry.doors import DROP, Town, ago, codes, consent, new_email, new_phone, refusal

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def test_a_batch_is_acknowledged_waits_and_succeeds_in_its_order(town: Town) -> None:
    consents = [consent(), consent(new_email(), type="EPOSTA"), consent(recipientType="TACIR")]
    answer = await hand_in(town, consents)
    assert answer.status_code == 202
    body = answer.json()
    assert UUID.fullmatch(body["requestId"])
    for sent, shown in zip(consents, body["subRequests"], strict=True):
        assert UUID.fullmatch(shown.pop("subRequestId"))
        assert shown.pop("creationDate")
        assert shown == sent
    waiting = await result(town, body["requestId"])
    assert [item["status"] for item in waiting] == ["enqueue"] * 3
    assert [item["index"] for item in waiting] == [0, 1, 2]
    async with worker(town) as lanes:
        await work_off(lanes)
    done = await result(town, body["requestId"])
    assert [item["status"] for item in done] == ["success"] * 3
    assert all(re.fullmatch("[0-9a-f]{64}", item["transactionId"]) for item in done)
    ids = [item["subRequestId"] for item in done]
    assert ids == [one["subRequestId"] for one in answer.json()["subRequests"]]
    for sent in consents:
        question = {name: sent[name] for name in ("recipient", "type", "recipientType")}
        status = (await town.status(question)).json()
        assert status["status"] == "ONAY"
        assert status["transactionId"] in {item["transactionId"] for item in done}


async def test_success_means_that_every_check_knows_it(town: Town) -> None:
    granted, refused = new_phone(), new_phone()
    assert (await town.add(consent(refused, consentDate=ago(hours=3)))).status_code == 200
    answer = await hand_in(town, [consent(granted), refusal(refused)])
    async with worker(town) as lanes:
        await work_off(lanes)
    assert [i["status"] for i in await result(town, answer.json()["requestId"])] == ["success"] * 2
    assert await town.reason(granted) == "CONSENT"
    assert await town.reason(refused) == "REFUSED"


async def test_what_hangs_on_the_record_is_told_item_by_item(town: Town) -> None:
    unknown, refused, newer = new_phone(), new_phone(), new_phone()
    for body in (
        consent(refused, consentDate=ago(hours=9)),
        refusal(refused, consentDate=ago(hours=8)),
    ):
        assert (await town.add(body)).status_code == 200
    assert (await town.add(consent(newer))).status_code == 200
    batch = [
        refusal(unknown),
        refusal(refused, consentDate=ago(hours=7)),
        consent(newer, consentDate=ago(hours=5)),
        consent(recipientType="TACIR", source=DROP, consentDate=DROP),
    ]
    answer = await hand_in(town, batch)
    async with worker(town) as lanes:
        await work_off(lanes)
    items = await result(town, answer.json()["requestId"])
    assert [item["status"] for item in items] == ["failure", "failure", "failure", "success"]
    assert [item["error"]["code"] for item in items[:3]] == ["H175", "H174", "H178"]
    assert items[1]["error"]["message"].endswith("RET")
    assert all(set(item) == {"index", "subRequestId", "status", "error"} for item in items[:3])
    # The refusals are not forgotten.
    assert await town.reason(unknown) == "REFUSED"
    assert await town.reason(refused) == "REFUSED"


async def test_refusals_wait_behind_no_approvals(town: Town) -> None:
    known = new_phone()
    assert (await town.add(consent(known, consentDate=ago(hours=3)))).status_code == 200
    answer = await hand_in(town, [consent(), refusal(known), consent()])
    async with worker(town) as lanes:
        await work_off(lanes, Lane.REFUSALS)
        items = await result(town, answer.json()["requestId"])
        assert [item["status"] for item in items] == ["enqueue", "success", "enqueue"]
        assert await town.reason(known) == "REFUSED"
        await work_off(lanes)


async def test_one_bad_item_refuses_the_list_and_nothing_is_queued(town: Town) -> None:
    head = await town.head()
    batch = [
        consent(consentDate=ago(days=30)),
        consent(),
        consent(type=DROP),
        consent(consentDate=f"{ago(hours=1)} "),
    ]
    answer = await hand_in(town, batch)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [(error["index"], error["code"]) for error in errors] == [
        (0, "H467"),
        (2, "H111"),
        (3, "H158"),
    ]
    assert errors[0]["location"] == ["consentDate"]
    async with worker(town) as lanes:
        assert await work_off(lanes) == 0
    assert await town.head() == head


async def test_a_refused_list_keeps_its_late_refusals(town: Town) -> None:
    late, early, unfit = new_phone(), new_phone(), new_phone()
    batch = [
        refusal(late, consentDate=ago(days=30)),
        refusal(early, consentDate=ago(hours=-2)),
        refusal(unfit, source="HS_NIRGENDS"),
        consent(type="FAKS"),
    ]
    answer = await hand_in(town, batch)
    assert answer.status_code == 422
    assert codes(answer) == ["H467", "H162", "H119", "H117"]
    assert await town.reason(late) == "REFUSED"
    assert await town.reason(early) == "REFUSED"
    assert await town.reason(unfit) == "NO_RECORD"


async def test_a_key_that_comes_twice_is_told_with_its_place(town: Town) -> None:
    number, email = new_phone(), new_email()
    batch = [
        consent(number),
        consent(number, type="ARAMA"),
        refusal(number),
        consent(email, type="EPOSTA"),
        consent(email.upper(), type="EPOSTA"),
    ]
    answer = await hand_in(town, batch)
    assert answer.status_code == 422
    assert [(error["index"], error["code"]) for error in answer.json()["errors"]] == [
        (2, "H194"),
        (4, "H194"),
    ]


async def test_retailers_are_the_brand_s(town: Town) -> None:
    answer = await hand_in(
        town, [consent(retailerCode=12345678), consent(retailerAccess=[87654321])]
    )
    assert answer.status_code == 403
    assert [
        (error["index"], error["code"], error["location"], error["value"])
        for error in answer.json()["errors"]
    ] == [
        (0, "H180", ["retailerCode"], 12345678),
        (1, "H180", ["retailerAccess", 0], 87654321),
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[", 400, "H014"),
        ({}, 400, "H092"),
        ([], 400, "H092"),
        ("text", 400, "H092"),
        ([{}] * 1001, 422, "H091"),
    ],
)
async def test_a_body_that_is_no_list_of_consents(
    town: Town, body: object, status: int, code: str
) -> None:
    answer = await hand_in(town, body)
    assert answer.status_code == status
    assert codes(answer) == [code]


async def test_a_setting_raises_the_cap(town: Town) -> None:
    async with town.another_process(ingest_batch_max=1500) as client:
        answer = await hand_in(town, [consent() for _ in range(1500)], at=client)
        assert answer.status_code == 202
    async with worker(town) as lanes:
        await work_off(lanes)
    items = await result(town, answer.json()["requestId"])
    assert {item["status"] for item in items} == {"success"}
    assert len(items) == 1500


@pytest.mark.parametrize(
    ("request_id", "code"),
    [("a" * 37, "H198"), ("abcde", "H199"), ("12345", "H400")],
)
async def test_a_request_id_that_is_none(town: Town, request_id: str, code: str) -> None:
    answer = await town.get(f"{town.brand}/consents/request/{request_id}")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["code"], error["location"], error["value"]) == (code, ["requestId"], request_id)


async def test_nobody_s_request_has_an_empty_list(town: Town) -> None:
    answer = await hand_in(town, [consent()])
    other = await town.new_brand()
    for path in (
        f"{town.brand}/consents/request/9d4e1b7c05a84f2eb16c2f3a7d90e855",
        f"{town.brand}/consents/request/x-1",
        f"{town.brand_path(other)}/consents/request/{answer.json()['requestId']}",
    ):
        assert (await town.get(path)).json() == []
    # Clients that drop the hyphens find it, too.
    bare = answer.json()["requestId"].replace("-", "")
    assert len(await result(town, bare)) == 1


async def test_a_repeat_of_v2_names_the_request_that_was_first(town: Town) -> None:
    batch = [consent(), consent()]
    first = (await hand_in(town, batch, v2=True)).json()["requestId"]
    async with worker(town) as lanes:
        await work_off(lanes)
        again = (await hand_in(town, batch, v2=True)).json()["requestId"]
        await work_off(lanes)
        third = (await hand_in(town, batch)).json()["requestId"]
        await work_off(lanes)
    before, after = await result(town, first, v2=True), await result(town, again, v2=True)
    assert again != first
    for n, (old, new) in enumerate(zip(before, after, strict=True)):
        assert old["isAddConsentV2Service"] is True
        assert new["transactionId"] == old["transactionId"]
        assert new["creationDate"] == old["creationDate"]
        assert "originalRequestInformation" not in old
        assert new["originalRequestInformation"] == {
            "requestId": first,
            "subRequestId": old["subRequestId"],
        }
        assert "originalRequestInformation" not in (await result(town, again))[n]
    # The first version of the method knows no repeats.
    assert [item["error"]["code"] for item in await result(town, third)] == ["H178", "H178"]


async def test_rights_are_asked_for_channel_by_channel(town: Town) -> None:
    strangers = await town.new_provider()
    assert codes(await hand_in(town, [consent()], who=strangers[1])) == ["H353"]
    assert codes(await hand_in(town, [consent()], who="operator")) == ["H363"]
    assert codes(await hand_in(town, [consent()], who=None)) == ["H351"]
    path = f"/accounts/brands/{town.world.brand_code}/grants/{town.world.integrator_code}"
    await town.post(path, {"MESAJ": "write", "EPOSTA": "read"}, method="PUT")
    assert (await hand_in(town, [consent()], who="partner")).status_code == 202
    mixed = [consent(), consent(new_email(), type="EPOSTA")]
    assert codes(await hand_in(town, mixed, who="partner")) == ["H353"]
    await town.post(path, {"MESAJ": "write", "ARAMA": "write", "EPOSTA": "write"}, method="PUT")


@pytest.mark.parametrize("state", ["a suspended brand", "a closed subscription"])
async def test_a_mixed_list_keeps_its_refusals_in_any_state(town: Town, state: str) -> None:
    known = new_phone()
    assert (await town.add(consent(known, consentDate=ago(hours=3)))).status_code == 200
    code = town.world.brand_code
    if state == "a suspended brand":
        shut = "UPDATE brand SET state = 'SUSPENDED' WHERE brand_code = $1"
        opened = "UPDATE brand SET state = 'ACTIVE' WHERE brand_code = $1"
    else:
        shut = "UPDATE subscription SET state = 'CLOSED' WHERE iys_code = $1"
        opened = "UPDATE subscription SET state = 'ACTIVE' WHERE iys_code = $1"
        code = town.world.iys_code
    await town.owner.execute(shut, code)
    try:
        assert (await hand_in(town, [consent()])).status_code == 403
        answer = await hand_in(town, [consent(), refusal(known)])
        assert answer.status_code == 202
        async with worker(town) as lanes:
            await work_off(lanes)
    finally:
        await town.owner.execute(opened, code)
    items = await result(town, answer.json()["requestId"])
    assert [item["status"] for item in items] == ["failure", "success"]
    expected = "H353" if state == "a suspended brand" else "H521"
    assert items[0]["error"]["code"] == expected
    assert await town.reason(known) == "REFUSED"


async def test_a_quota_stops_new_records_and_nothing_else(town: Town) -> None:
    known = [new_phone(), new_phone()]
    for number in known:
        assert (await town.add(consent(number, consentDate=ago(hours=3)))).status_code == 200
    approvals, rejections, _total = await town.stats()
    async with worker(town, consent_limit=approvals + rejections + 2) as lanes:
        batch = [consent(), consent(known[0]), consent(), refusal(known[1]), consent()]
        answer = await hand_in(town, batch)
        await work_off(lanes)
    items = await result(town, answer.json()["requestId"])
    told = [item.get("error", {}).get("code", item["status"]) for item in items]
    assert told == ["success", "success", "success", "success", "H525"]


async def test_many_workers_store_everything_once(town: Town) -> None:
    head = await town.head()
    answers = [await hand_in(town, [consent() for _ in range(40)]) for _ in range(10)]
    async with worker(town) as one, worker(town) as two, worker(town) as three:
        await asyncio.gather(*(work_off(lanes) for lanes in (one, two, three)))
    for answer in answers:
        items = await result(town, answer.json()["requestId"])
        assert {item["status"] for item in items} == {"success"}
    assert await town.head() == head + 400


async def test_a_poisoned_job_is_closed_and_holds_up_nobody(town: Town) -> None:
    poisoned = (await hand_in(town, [consent()])).json()["requestId"]
    good = (await hand_in(town, [consent()])).json()["requestId"]
    await town.owner.execute(
        "UPDATE ingest_job SET body = '\\x00'::bytea WHERE job_id = $1::uuid", poisoned
    )
    async with worker(town) as lanes:
        await work_off(lanes)
    assert [item["status"] for item in await result(town, good)] == ["success"]
    (item,) = await result(town, poisoned)
    assert (item["status"], item["error"]["code"]) == ("failure", "H470")


async def test_a_retailer_that_goes_meanwhile_costs_no_refusal(town: Town) -> None:
    retailer = await accounts.add_retailer(
        town.writer, brand_code=town.world.brand_code, title="Geçici"
    )
    named, other, granted = new_phone(), new_phone(), new_phone()
    for number in (named, other):
        assert (await town.add(consent(number, consentDate=ago(hours=3)))).status_code == 200
    batch = [
        refusal(named, retailerCode=retailer),
        refusal(other),
        consent(granted, retailerAccess=[retailer]),
        consent(),
    ]
    answer = await hand_in(town, batch)
    assert answer.status_code == 202
    assert (await town.post(f"{town.brand}/retailers/{retailer}", b"", method="DELETE")).is_success
    async with worker(town) as lanes:
        await work_off(lanes)
    items = await result(town, answer.json()["requestId"])
    told = [item.get("error", {}).get("code", item["status"]) for item in items]
    assert told == ["H180", "success", "H180", "success"]
    assert await town.reason(named) == "REFUSED"
    assert await town.reason(other) == "REFUSED"
    assert await town.reason(granted) == "NO_RECORD"
    # Handed in once more, the list is refused as a whole; the refusal stays.
    again = [refusal(new_phone(), retailerCode=retailer), consent()]
    assert codes(await hand_in(town, again)) == ["H180"]
    assert await town.reason(again[0]["recipient"]) == "REFUSED"


async def test_a_lane_that_comes_no_further_leaves_the_other_alone(town: Town) -> None:
    known = new_phone()
    assert (await town.add(consent(known, consentDate=ago(hours=3)))).status_code == 200
    request_id = (await hand_in(town, [consent(), refusal(known)])).json()["requestId"]
    await town.owner.execute(
        "UPDATE ingest_lane SET attempts = 99 WHERE job_id = $1::uuid", request_id
    )
    async with worker(town) as lanes:
        await work_off(lanes)
    items = await result(town, request_id)
    assert [item["status"] for item in items] == ["failure", "success"]
    assert items[0]["error"]["code"] == "H470"
    assert await town.reason(known) == "REFUSED"


async def test_results_are_kept_for_their_days_and_then_forgotten(town: Town) -> None:
    request_id = (await hand_in(town, [consent()])).json()["requestId"]
    async with worker(town) as lanes:
        await work_off(lanes)
    assert len(await result(town, request_id)) == 1
    await town.owner.execute(
        "UPDATE ingest_job SET created_at = $2 WHERE job_id = $1::uuid",
        request_id,
        utc_now().replace(year=2020),
    )
    assert await result(town, request_id) == []


def test_the_number_of_an_item_follows_from_its_request() -> None:
    from uuid import uuid4  # noqa: PLC0415  # for this test alone

    one, other = uuid4(), uuid4()
    assert item_id(one, 0) == item_id(one, 0)
    assert len({item_id(request, n) for request in (one, other) for n in range(100)}) == 200
