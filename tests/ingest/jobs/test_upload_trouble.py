"""What happens to an upload when something goes wrong: nothing half, and it goes on where it stood."""

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.ingest.uploads import routes_uploads
from services.ingest.uploads.accept_file import Body, Standing
from services.ingest.uploads.file_request import FileRequest
from services.ingest.uploads.receive_content import BodyBrokenOffError
from services.ingest.uploads.upload import PORTION_BYTES, Upload, UploadGoneError
from shared.auth.directory import Directory
from shared.ledger.directory import UserRow
from shared.sealing.job_keys import SEAL_BYTES
from shared.sealing.sealed_file import FRAME_BYTES, SealedFile
from shared.web.problems import ProblemError
from tests.ingest.doors import (
    CONTENT,
    Area,
    announce,
    code_of,
    head,
    open_area,
    patch,
    put,
    send,
    shown,
    spool_of,
    stored,
)
from tests.registry.doors import Town
from tests.support.measured import coverage_variables

BIG = secrets.token_bytes(PORTION_BYTES + 3 * FRAME_BYTES + 55)
STORED = FRAME_BYTES + SEAL_BYTES
ROOT = Path(__file__).resolve().parents[3]


async def user_of(town: Town, role: str = "provider") -> UserRow:
    user = await Directory(town.reader).user(getattr(town.world, role).user_id)
    assert user is not None
    return user


async def in_pieces(content: bytes, *, then: Exception | None = None) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 65_536):
        yield content[at : at + 65_536]
    if then is not None:
        raise then


async def take(
    area: Area, town: Town, job: dict[str, Any], body: Body, *, again: bool = False
) -> Standing:
    return await area.files.accept.take(await user_of(town), UUID(job["id"]), body, again=again)


async def test_what_came_before_the_client_left_is_kept(town: Town, area: Area) -> None:
    job = await announce(town, size=len(BIG))
    cut = PORTION_BYTES + 12_345
    left = BodyBrokenOffError(is_late=False)
    with pytest.raises(BodyBrokenOffError):
        await take(area, town, job, Body(in_pieces(BIG[:cut], then=left), 0, len(BIG), None))
    assert (await shown(town, job))["received"] == cut
    assert (await head(town, job)).headers["upload-offset"] == str(cut)
    assert (await patch(town, job, BIG[cut:], at=cut)).status_code == 204
    assert await stored(town, job) == BIG


async def test_of_a_file_that_was_sent_at_once_and_broke_off_nothing_is_left(
    town: Town, area: Area
) -> None:
    folders = set((town.data_dir / "spool" / "files").iterdir())
    pieces = in_pieces(BIG, then=BodyBrokenOffError(is_late=True))
    with pytest.raises(BodyBrokenOffError):
        await area.files.accept.send_at_once(
            await user_of(town), FileRequest("a.csv"), Body(pieces), again=False
        )
    assert (await town.get("/ingest/jobs")).json()["items"] == []
    assert set((town.data_dir / "spool" / "files").iterdir()) == folders


async def test_of_two_writers_one_wins_and_the_other_is_told_so(town: Town, area: Area) -> None:
    job = await announce(town, size=len(BIG))
    under_way = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield BIG[:PORTION_BYTES]
        under_way.set()
        await released.wait()
        yield BIG[PORTION_BYTES:]

    released = asyncio.Event()
    first = asyncio.create_task(take(area, town, job, Body(slowly(), 0, len(BIG), None)))
    await under_way.wait()
    second = await patch(town, job, b"other bytes", at=PORTION_BYTES)
    assert (second.status_code, code_of(second)) == (423, "LOCKED")
    assert int(second.headers["retry-after"]) > 0
    assert (await put(town, job, b"all other bytes" * 99_999)).status_code in {413, 423}
    released.set()
    assert (await first).state == "QUEUED"
    assert await stored(town, job) == BIG


async def test_many_writers_at_once_write_one_file(town: Town) -> None:
    job = await announce(town, size=len(BIG))
    contents = [bytes([n]) * len(BIG) for n in range(8)]
    answers = await asyncio.gather(*(patch(town, job, content, at=0) for content in contents))
    codes = [answer.status_code for answer in answers]
    assert codes.count(204) == 1
    assert set(codes) <= {204, 409, 423}
    assert await stored(town, job) == contents[codes.index(204)]


async def test_a_request_that_is_cancelled_lets_the_next_one_in(town: Town, area: Area) -> None:
    job = await announce(town, size=len(BIG))
    under_way, never = asyncio.Event(), asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield BIG[:PORTION_BYTES]
        under_way.set()
        await never.wait()

    hung = asyncio.create_task(take(area, town, job, Body(hanging(), 0, len(BIG), None)))
    await under_way.wait()
    hung.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await hung
    at = int((await head(town, job)).headers["upload-offset"])
    assert at in {0, PORTION_BYTES}
    assert (await patch(town, job, BIG[at:], at=at)).status_code == 204
    assert await stored(town, job) == BIG


@pytest.mark.parametrize("torn", ["half a frame", "a frame of zeros", "the last frame anew"])
async def test_what_a_killed_writer_has_torn_is_sent_again(
    town: Town, area: Area, torn: str
) -> None:
    job = await announce(town, size=len(BIG))
    sure = FRAME_BYTES + 100
    assert (await patch(town, job, BIG[:sure], at=0)).status_code == 204
    file = (await spool_of(town, job)).path / "content"
    with file.open("r+b") as raw:
        if torn == "half a frame":
            raw.seek(0, os.SEEK_END)
            raw.write(b"x" * 5000)
        elif torn == "a frame of zeros":
            raw.truncate(3 * STORED)
        else:
            raw.seek(STORED + 50)
            raw.write(b"torn")
    where = int((await head(town, job)).headers["upload-offset"])
    assert where == FRAME_BYTES
    assert code_of(await patch(town, job, BIG[sure:], at=sure)) == "WRONG_OFFSET"
    assert (await patch(town, job, BIG[where:], at=where)).status_code == 204
    assert await stored(town, job) == BIG


async def test_a_job_that_is_cancelled_takes_no_more(town: Town, area: Area) -> None:
    job = await announce(town, size=len(BIG))

    async def cancelled_on_the_way() -> AsyncIterator[bytes]:
        yield BIG[:PORTION_BYTES]
        answer = await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")
        assert answer.json()["state"] == "CANCELLED"
        yield BIG[PORTION_BYTES:]

    with pytest.raises(ProblemError) as refused:
        await take(area, town, job, Body(cancelled_on_the_way(), 0, len(BIG), None))
    assert refused.value.code == "CONFLICT"
    assert code_of(await put(town, job, CONTENT)) == "CONFLICT"
    await area.upkeep.tidy()
    assert not (town.data_dir / "spool" / "files" / job["id"]).exists()


async def test_a_file_whose_last_step_was_lost_is_queued_when_somebody_asks(
    town: Town, area: Area
) -> None:
    job = await announce(town, size=len(CONTENT))
    with Upload(await _folder(town, job), sure=0, reserve_bytes=0) as upload:
        upload.append(CONTENT)  # and then the process died, before it told the ledger
    where = await head(town, job)
    assert where.headers["upload-offset"] == str(len(CONTENT))
    assert (await shown(town, job))["state"] == "QUEUED"


async def test_a_file_that_is_too_large_is_refused_before_it_comes(town: Town) -> None:
    async with town.another_process(ingest_file_bytes_max=2048) as door:
        answer = await town.post("/ingest/jobs", {"name": "a.csv", "size": 2049}, at=door)
        assert (answer.status_code, code_of(answer)) == (413, "BODY_TOO_LARGE")
        headers = await town.authorization("provider")
        path = "/ingest/files?name=a.csv"
        said = await door.post(path, content=b"x" * 2049, headers=headers)
        assert code_of(said) == "BODY_TOO_LARGE"
        unsaid = await door.post(path, content=in_pieces(b"x" * 2049), headers=headers)
        assert code_of(unsaid) == "BODY_TOO_LARGE"
        fits = await door.post(path, content=in_pieces(b"x" * 2048), headers=headers)
        assert fits.status_code == 202
    job = await announce(town, size=10)
    assert code_of(await patch(town, job, b"x" * 11, at=0)) == "BODY_TOO_LARGE"
    assert code_of(await patch(town, job, in_pieces(b"x" * 11), at=0)) == "BODY_TOO_LARGE"
    assert (await head(town, job)).headers["upload-offset"] == "0"


async def test_a_full_disk_says_so_and_keeps_what_is_there(town: Town, area: Area) -> None:
    job = await announce(town, size=len(BIG))
    assert (await patch(town, job, BIG[:1000], at=0)).status_code == 204
    async with open_area(town, ingest_disk_free_bytes_min=2**60) as full:
        with pytest.raises(ProblemError) as refused:
            await take(full, town, job, Body(in_pieces(BIG[1000:]), 1000, None, None))
        assert refused.value.code == "NO_SPACE"
        assert refused.value.problem.status == 507
    assert (await head(town, job)).headers["upload-offset"] == "1000"
    assert (await patch(town, job, BIG[1000:], at=1000)).status_code == 204
    assert await stored(town, job) == BIG


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, None])
async def test_a_disk_that_fills_up_on_the_way_loses_nothing_that_was_told(
    town: Town, area: Area, monkeypatch: pytest.MonkeyPatch, error: int | None
) -> None:
    job = await announce(town, size=len(BIG))
    append, calls = SealedFile.append, 0

    def failing(file: SealedFile, content: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            append(file, content)
        elif error is None:  # the system has written a part, and said so
            append(file, content[:1000])
        else:
            raise OSError(error, "no more")

    with monkeypatch.context() as patched:
        patched.setattr(SealedFile, "append", failing)
        answer = await patch(town, job, in_pieces(BIG), at=0)
    assert (answer.status_code, code_of(answer)) == (507, "NO_SPACE")
    at = int((await head(town, job)).headers["upload-offset"])
    assert at == PORTION_BYTES + (1000 if error is None else 0)
    assert (await patch(town, job, BIG[at:], at=at)).status_code == 204
    assert await stored(town, job) == BIG


async def test_a_client_that_sends_nothing_is_not_waited_for(
    town: Town, area: Area, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes_uploads, "IDLE_S", 0.05)
    job = await announce(town, size=len(BIG))

    async def stuck() -> AsyncIterator[bytes]:
        yield BIG[:100]
        await asyncio.Event().wait()

    answer = await patch(town, job, stuck(), at=0)
    assert (answer.status_code, code_of(answer)) == (408, "REQUEST_TIMEOUT")
    assert (await head(town, job)).headers["upload-offset"] == "100"


async def test_nothing_is_written_for_a_request_that_has_ended(town: Town, area: Area) -> None:
    job = await announce(town, size=100)
    with Upload(await _folder(town, job), sure=0, reserve_bytes=0) as upload:
        upload.append(b"x")
    with pytest.raises(UploadGoneError):
        upload.append(b"y")
    assert await stored(town, job) == b"x"
    shutil.rmtree((await spool_of(town, job)).path)
    with pytest.raises(UploadGoneError):
        Upload(await spool_of(town, job), sure=0, reserve_bytes=0)
    with pytest.raises(UploadGoneError):
        upload.require_room(1)


async def test_an_account_has_so_many_files_under_way_and_no_more(town: Town, area: Area) -> None:
    async with town.another_process(ingest_jobs_open_max=3) as door:
        asked = [town.post("/ingest/jobs", {"name": f"{n}.csv"}, at=door) for n in range(8)]
        answers = await asyncio.gather(*asked)
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [201] * 3 + [429] * 5
        (refused, *_) = [answer for answer in answers if answer.status_code == 429]
        assert int(refused.headers["retry-after"]) > 0
        other = await town.post("/ingest/jobs", {"name": "a.csv"}, at=door, who="partner")
        assert other.status_code == 201
        (done, *_) = [answer.json() for answer in answers if answer.status_code == 201]
        await send(town, "POST", f"/ingest/jobs/{done['id']}/cancel")
        again = await town.post("/ingest/jobs", {"name": "a.csv"}, at=door)
        assert again.status_code == 201


async def test_a_cut_connection_of_a_real_server_is_resumed(town: Town) -> None:
    """A client dies in the middle of its upload, and then the server; both go on where they stood."""
    job = await announce(town, size=len(BIG))
    headers = await town.authorization("provider")
    with server_of(town) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            request = [
                f"PATCH {job['uploadUrl']} HTTP/1.1",
                "Host: izin.example",
                f"Authorization: {headers['Authorization']}",
                "Content-Type: application/offset+octet-stream",
                "Upload-Offset: 0",
                f"Content-Length: {len(BIG)}",
                "Expect: 100-continue",
            ]
            connection.sendall("\r\n".join(request).encode() + b"\r\n\r\n")
            assert b"100 Continue" in connection.recv(1000)
            connection.sendall(BIG[: PORTION_BYTES + 999])
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
            at = await offset_beyond(client, job, PORTION_BYTES)
            assert at <= PORTION_BYTES + 999
    with server_of(town) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
            said = {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
            done = await client.patch(job["uploadUrl"], content=BIG[at:], headers=said)
            assert done.status_code == 204
    assert await stored(town, job) == BIG
    assert (await shown(town, job))["state"] == "QUEUED"


async def _folder(town: Town, job: dict[str, Any]) -> Any:
    spool = await spool_of(town, job)
    spool.path.mkdir(parents=True, exist_ok=True)
    return spool


async def offset_beyond(client: httpx.AsyncClient, job: dict[str, Any], least: int) -> int:
    """Ask until the server has noticed that its client is gone."""
    async with asyncio.timeout(20):
        while True:
            answer = await client.head(job["uploadUrl"])
            busy = await client.patch(
                job["uploadUrl"],
                headers={
                    "Upload-Offset": answer.headers["upload-offset"],
                    "Content-Type": "application/offset+octet-stream",
                },
            )
            if busy.status_code == 204 and int(busy.headers["upload-offset"]) >= least:
                return int(busy.headers["upload-offset"])
            await asyncio.sleep(0.02)


@contextlib.contextmanager
def server_of(town: Town) -> Iterator[str]:
    """Run `python -m services.ingest` on the town's ledger, and kill it in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "IZIN_POSTGRES_DSN": town.dsn,
        "IZIN_KEYS_FILE": str(town.keys_file),
        "IZIN_DATA_DIR": str(town.data_dir),
        "IZIN_INGEST_PORT": str(port),
        **coverage_variables(),
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "services.ingest"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None
            assert monotonic() < deadline
            sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
