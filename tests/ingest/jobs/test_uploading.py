"""A file comes in: announced or at once, whole or in parts, and with its last byte it is in the queue."""

import base64
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.sealing.sealed_file import FRAME_BYTES
from tests.ingest.doors import (
    CONTENT,
    announce,
    code_of,
    head,
    lanes_of,
    patch,
    put,
    send,
    shown,
    stored,
    uploaded,
)
from tests.registry.doors import Town

BIG = secrets.token_bytes(5 * FRAME_BYTES + 4321)
BOTH = ["REFUSALS", "APPROVALS"]


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def test_a_file_is_announced_sent_and_queued(town: Town) -> None:
    job = await announce(town, brandCode=town.world.brand_code, size=len(CONTENT))
    assert job["state"] == "UPLOADING"
    assert job["uploadUrl"] == f"/ingest/jobs/{job['id']}/content"
    assert (job["name"], job["received"], job["webhookSecret"]) == ("izinler.csv", 0, None)
    answer = await put(town, job, CONTENT)
    assert answer.status_code == 200
    assert answer.headers["upload-offset"] == str(len(CONTENT))
    view = answer.json()
    assert (view["state"], view["size"], view["received"]) == (
        "QUEUED",
        len(CONTENT),
        len(CONTENT),
    )
    assert (view["uploadUrl"], view["rowsSeen"], view["rowsDone"]) == (None, None, 0)
    assert await lanes_of(town, job) == BOTH
    assert await stored(town, job) == CONTENT


async def test_a_file_is_sent_in_one_request(town: Town) -> None:
    path = f"/ingest/files?name=b%C3%BCy%C3%BCk.csv&brandCode={town.world.brand_code}&type=sms"
    answer = await send(town, "POST", path, content=in_pieces(BIG, 10_000))
    assert answer.status_code == 202
    view = answer.json()
    assert (view["state"], view["name"], view["size"]) == ("QUEUED", "büyük.csv", len(BIG))
    assert answer.headers["location"] == f"/ingest/jobs/{view['id']}"
    assert await stored(town, view) == BIG
    assert await lanes_of(town, view) == BOTH


async def test_the_options_of_a_file_go_to_the_worker(town: Town) -> None:
    body: dict[str, Any] = {
        "name": "C:\\dosyalar\\Ocak.CSV.gz",
        "defaults": {"type": "SMS", "status": "Onay", "consentDate": "02.03.2026 14:05"},
        "mapping": {"Cep": "recipient"},
        "dryRun": True,
    }
    view = await uploaded(town, **body)
    assert (view["name"], view["dryRun"]) == ("Ocak.CSV.gz", True)
    row = await town.owner.fetchrow(
        "SELECT options::json ->> 'defaults' AS defaults, options, dry_run, brand_code, surveyed"
        "  FROM ingest_job WHERE job_id = $1",
        view["id"],
    )
    assert row is not None
    assert '"chunk_rows": 5000' in row["options"]
    assert '"mapping": {"Cep": "recipient"}' in row["options"]
    assert '"suffix": "csv.gz"' in row["options"]
    assert "Ocak" not in row["options"]
    assert "2026-03-02 14:05:00" in row["defaults"]
    assert '"MESAJ"' in row["defaults"]
    assert (row["dry_run"], row["brand_code"], row["surveyed"]) == (True, None, False)


async def test_tus_clients_create_ask_and_continue(town: Town) -> None:
    asked = await town.client.request("OPTIONS", "/ingest/jobs")
    assert asked.status_code == 204
    assert asked.headers["tus-version"] == "1.0.0"
    assert asked.headers["tus-extension"] == "creation"
    assert int(asked.headers["tus-max-size"]) == 5 * 2**30
    said = {"filename": "izinler.csv", "brandCode": str(town.world.brand_code), "type": "MESAJ"}
    metadata = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items()
    )
    created = await send(
        town,
        "POST",
        "/ingest/jobs",
        Tus_Resumable="1.0.0",
        Upload_Length=str(len(BIG)),
        Upload_Metadata=metadata + ",alone",
    )
    assert created.status_code == 201
    job = created.json()
    assert created.headers["location"] == job["uploadUrl"]
    assert (job["name"], job["brandCode"]) == ("izinler.csv", town.world.brand_code)
    at = 0
    for size in (1, 300_000, FRAME_BYTES, len(BIG)):
        where = await head(town, job, Tus_Resumable="1.0.0")
        assert where.status_code == 200
        assert where.headers["upload-offset"] == str(at)
        assert where.headers["upload-length"] == str(len(BIG))
        assert where.headers["cache-control"] == "no-store"
        answer = await patch(town, job, BIG[at : at + size], at=at)
        assert answer.status_code == 204
        assert answer.content == b""
        at = min(at + size, len(BIG))
        assert answer.headers["upload-offset"] == str(at)
        assert answer.headers["tus-resumable"] == "1.0.0"
    assert await stored(town, job) == BIG
    assert (await shown(town, job))["state"] == "QUEUED"


async def test_an_answer_that_got_lost_is_asked_for_again(town: Town) -> None:
    job = await announce(town, size=len(CONTENT))
    assert (await patch(town, job, CONTENT, at=0)).status_code == 204
    where = await head(town, job)
    assert where.headers["upload-offset"] == where.headers["upload-length"] == str(len(CONTENT))
    again = await patch(town, job, b"", at=len(CONTENT))
    assert again.status_code == 204
    more = await patch(town, job, b"x", at=len(CONTENT))
    assert code_of(more) == "CONFLICT"
    assert await stored(town, job) == CONTENT


async def test_a_file_comes_in_ranges(town: Town) -> None:
    job = await announce(town)
    cut, size = FRAME_BYTES + 77, len(BIG)
    first = await put(town, job, BIG[:cut], Content_Range=f"bytes 0-{cut - 1}/*")
    assert first.json()["state"] == "UPLOADING"
    assert first.headers["upload-offset"] == str(cut)
    where = await put(town, job, b"", Content_Range="bytes */*")
    assert where.headers["upload-offset"] == str(cut)
    assert (await head(town, job)).headers["upload-defer-length"] == "1"
    rest = in_pieces(BIG[cut:], 50_000)
    last = await put(town, job, rest, Content_Range=f"bytes {cut}-{size - 1}/{size}")
    assert last.json()["state"] == "QUEUED"
    assert await stored(town, job) == BIG


async def test_a_whole_put_takes_the_place_of_what_was_sent_before(town: Town) -> None:
    job = await announce(town)
    half = await put(
        town, job, BIG[: len(BIG) // 2], Content_Range=f"bytes 0-{len(BIG) // 2 - 1}/*"
    )
    assert half.json()["received"] == len(BIG) // 2
    assert (await put(town, job, CONTENT)).json()["size"] == len(CONTENT)
    assert await stored(town, job) == CONTENT


async def test_a_whole_put_that_breaks_off_fixes_no_size(town: Town) -> None:
    job = await announce(town)
    short = await put(town, job, in_pieces(BIG, 50_000), Content_Length=str(len(BIG) + 1))
    assert short.json()["state"] == "UPLOADING"
    assert (await put(town, job, CONTENT)).json()["size"] == len(CONTENT)
    other = await announce(town, size=len(CONTENT) + 1)
    assert code_of(await put(town, other, CONTENT)) == "CONFLICT"


async def test_a_size_that_nobody_knew_is_told_with_a_part(town: Town) -> None:
    job = await announce(town)
    answer = await patch(town, job, CONTENT, at=0, Upload_Length=str(len(CONTENT)))
    assert answer.status_code == 204
    assert (await shown(town, job))["state"] == "QUEUED"


@pytest.mark.parametrize("offset", ["1", "100000", "9" * 18])
async def test_a_part_at_another_offset_is_a_conflict_that_says_the_right_one(
    town: Town, offset: str
) -> None:
    job = await announce(town, size=100)
    answer = await patch(town, job, b"x" * 10, at=0, Upload_Offset=offset)
    assert (answer.status_code, code_of(answer)) == (409, "WRONG_OFFSET")
    assert answer.headers["upload-offset"] == "0"
    assert answer.headers["tus-resumable"] == "1.0.0"
    ranged = await put(town, job, b"x" * 10, Content_Range="bytes 5-14/100")
    assert code_of(ranged) == "WRONG_OFFSET"
    assert await stored(town, job) == b""


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus_Resumable": "0.2.2"}, 412, "TUS_VERSION"),
        ({"Upload_Offset": "-1"}, 400, "BAD_REQUEST"),
        ({"Upload_Offset": "x"}, 400, "BAD_REQUEST"),
        ({"Upload_Offset": "9" * 30}, 400, "BAD_REQUEST"),
        ({"Upload_Length": "1e3"}, 400, "BAD_REQUEST"),
        ({"Upload_Length": "11"}, 409, "CONFLICT"),
        ({"Content_Type": "application/octet-stream"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"Content_Type": ""}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
async def test_a_part_that_is_not_as_tus_wants_it_is_refused(
    town: Town, headers: dict[str, str], status: int, code: str
) -> None:
    job = await announce(town, size=10)
    answer = await patch(town, job, b"0123456789", at=0, **headers)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    if code == "TUS_VERSION":
        assert answer.headers["tus-version"] == "1.0.0"
    assert (await shown(town, job))["received"] == 0
    assert await stored(town, job) == b""


@pytest.mark.parametrize(
    "range_",
    ["bytes 0-9", "bytes 9-0/10", "bytes 0-10/10", "lines 0-9/10", "bytes 0-8/10", "bytes a-b/c"],
)
async def test_a_range_that_is_none_is_refused(town: Town, range_: str) -> None:
    job = await announce(town, size=10)
    answer = await put(town, job, b"0123456789", Content_Range=range_)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\nb.csv"}, "/name"),
        ({"name": "x" * 256}, "/name"),
        ({"name": None}, "/name"),
        ({"size": 0}, "/size"),
        ({"size": -5}, "/size"),
        ({"size": "many"}, "/size"),
        ({"brandCode": 0}, "/brandCode"),
        ({"brandCode": 2**31}, "/brandCode"),
        ({"defaults": {"type": "FAKS"}}, "/defaults/type"),
        ({"defaults": {"source": "IYS_WEB"}}, "/defaults/source"),
        ({"defaults": {"consentDate": "2026-13-45"}}, "/defaults/consentDate"),
        ({"defaults": {"colour": "red"}}, "/defaults/colour"),
        ({"mapping": {"Cep": "phone"}}, "/mapping"),
        ({"mapping": {"": "recipient"}}, "/mapping"),
        ({"mapping": {"+905990000001": "recipient"}}, "/mapping"),
        ({"mapping": {"0599 000 00 01": "recipient"}}, "/mapping"),
        ({"mapping": {"kisi@posta.example": "recipient"}}, "/mapping"),
        ({"mapping": {str(n): "recipient" for n in range(101)}}, "/mapping"),
        ({"webhook": {"url": "http://kayit.example/x"}}, "/webhook"),
        ({"webhook": {"url": "ftp://kayit.example/x"}}, "/webhook"),
        ({"webhook": {"url": "https://a:b@kayit.example/x"}}, "/webhook"),
        ({"webhook": {"url": "https://kayit.example/x", "secret": "short"}}, "/webhook"),
        ({"webhook": {}}, "/webhook/url"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_what_is_wrong_with_an_announcement_is_said_field_by_field(
    town: Town, body: dict[str, Any], pointer: str
) -> None:
    answer = await town.post("/ingest/jobs", {"name": "a.csv", **body})
    assert (answer.status_code, code_of(answer)) == (422, "INVALID_FIELD")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("name=a.csv&brandCode=x", "/brandCode"),
        ("name=a.csv&type=FAKS", "/defaults/type"),
        ("name=a.csv&mapping={", "/mapping"),
        ("name=a.csv&mapping=[]", "/mapping"),
        ("name=a.csv&dryRun=perhaps", "/dryRun"),
        ("brandCode=1", "/name"),
    ],
)
async def test_a_query_is_read_as_strictly(town: Town, query: str, pointer: str) -> None:
    answer = await send(town, "POST", f"/ingest/files?{query}", content=CONTENT)
    assert (answer.status_code, code_of(answer)) == (422, "INVALID_FIELD")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload_Metadata": "filename YQ=="}, 400),
        ({"Upload_Length": "ten"}, 400),
        ({"Upload_Length": "10", "Upload_Metadata": "filename %%%"}, 400),
        ({"Upload_Length": "10", "Upload_Metadata": "filename " + "A" * 9000}, 400),
        ({"Upload_Length": "0"}, 422),
        ({"Upload_Length": "10", "Tus_Resumable": "2.0.0"}, 412),
    ],
)
async def test_a_creation_that_tus_does_not_know_is_refused(
    town: Town, headers: dict[str, Any], status: int
) -> None:
    answer = await send(town, "POST", "/ingest/jobs", **headers)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"\xff"])
async def test_an_announcement_that_is_no_object_is_refused(town: Town, body: bytes) -> None:
    answer = await town.post("/ingest/jobs", body)
    assert answer.status_code in {400, 422}
    assert code_of(answer) in {"NOT_JSON", "INVALID_FIELD"}


async def test_an_empty_file_is_no_file(town: Town) -> None:
    before = len((await town.get("/ingest/jobs?limit=100")).json()["items"])
    answer = await send(town, "POST", "/ingest/files?name=a.csv", content=b"")
    assert code_of(answer) == "INVALID_FIELD"
    assert len((await town.get("/ingest/jobs?limit=100")).json()["items"]) == before
    job = await announce(town)
    assert code_of(await put(town, job, b"")) == "INVALID_FIELD"
    assert (await put(town, job, CONTENT)).json()["state"] == "QUEUED"


async def test_a_form_around_the_file_is_refused_by_name(town: Town) -> None:
    form = {"Content_Type": "multipart/form-data; boundary=x"}
    path = "/ingest/files?name=a.csv"
    assert code_of(await send(town, "POST", path, content=b"--x", **form)) == (
        "UNSUPPORTED_MEDIA_TYPE"
    )
    job = await announce(town)
    assert (await put(town, job, b"--x", **form)).status_code == 415
