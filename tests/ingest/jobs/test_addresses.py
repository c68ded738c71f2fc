"""Promise 5: whatever a file holds, and whatever is done with it, no address lies anywhere in clear."""

import base64
from typing import Any
from uuid import UUID

import pytest

from services.ingest.jobs.close_file import CloseFile
from services.ingest.lanes.rows import RowFault
from shared.telemetry.metrics import render
from tests.ingest.doors import (
    Area,
    PlainCells,
    announce,
    patch,
    play_worker,
    put,
    send,
    shown,
    uploaded,
)
from tests.registry.doors import Town

PHONE, EMAIL = "+905997418529", "gizli.kisi.4k7@posta.example"
SECRET_NAME = f"{PHONE} listesi.csv"
CONTENT = f"alıcı;tür\n{PHONE};MESAJ\n{EMAIL};EPOSTA\n".encode()
TABLES = """
    SELECT tablename FROM pg_tables WHERE schemaname = 'public'
"""


def spellings() -> list[bytes]:
    """Return both addresses as they might stand somewhere."""
    plain = [PHONE, PHONE[1:], PHONE[3:], EMAIL, EMAIL.partition("@")[0]]
    forms = [text.encode() for text in plain]
    forms += [text.encode().hex().encode() for text in plain]
    forms += [base64.b64encode(text.encode())[:-4] for text in (PHONE, EMAIL)]
    return forms


async def everything_stored(town: Town) -> dict[str, bytes]:
    """Return all that the ledger and the spool hold, as bytes."""
    left = {str(path): path.read_bytes() for path in town.data_dir.rglob("*") if path.is_file()}
    for (table,) in await town.owner.fetch(TABLES):
        rows = await town.owner.fetch(f"SELECT t::text FROM {table} AS t")  # noqa: S608  # a name from the catalogue
        left[table] = "\n".join(row[0] for row in rows).encode()
    return left


async def good_requests(town: Town, area: Area) -> dict[str, Any]:
    at_once = await send(town, "POST", "/ingest/files?name=a.csv", content=CONTENT)
    assert at_once.status_code == 202
    await send(town, "DELETE", f"/ingest/jobs/{at_once.json()['id']}")
    halves = await announce(town, name=SECRET_NAME, size=len(CONTENT))
    await patch(town, halves, CONTENT[:30], at=0)
    webhook = {"url": f"https://kayit.example/{PHONE}", "secret": None}
    job = await uploaded(town, CONTENT + b"\n", name=SECRET_NAME, webhook=webhook)
    faults = [RowFault(1, "alıcı", "H121", "neden"), RowFault(2, "alıcı", "H120", "neden")]
    await play_worker(area, job, {(0, "H121"): 1, (0, "H120"): 1}, faults=faults)
    close = area.upkeep.close
    closing = CloseFile(close.pool, close.writer, close.keys, close.spool, PlainCells(), close.now)
    assert await closing(UUID(job["id"]))
    return job


async def bad_requests(town: Town) -> None:
    job = await announce(town)
    for answer in (
        await town.post("/ingest/jobs", {"name": "a", "mapping": {PHONE: "recipient"}}),
        await town.post("/ingest/jobs", {"name": "a", "mapping": {"x": EMAIL}}),
        await town.post("/ingest/jobs", {"name": "a", "defaults": {"type": PHONE}}),
        await town.post("/ingest/jobs", {"name": "a", "defaults": {EMAIL: PHONE}}),
        await town.post("/ingest/jobs", {"name": PHONE, PHONE: EMAIL}),
        await town.post("/ingest/jobs", f'{{"name": "{PHONE}'.encode()),
        await send(town, "POST", f"/ingest/files?name=a&brandCode={PHONE}", content=CONTENT),
        await send(town, "POST", f"/ingest/files?{PHONE}={EMAIL}", content=CONTENT),
        await send(town, "GET", f"/ingest/jobs/{PHONE}"),
        await send(town, "GET", f"/ingest/{EMAIL}"),
        await patch(town, job, CONTENT, at=0, Upload_Offset=PHONE),
        await put(town, job, CONTENT, Content_Range=f"bytes {PHONE}"),
        await send(town, "POST", "/ingest/jobs", Upload_Length=PHONE, Upload_Metadata=EMAIL),
    ):
        assert 400 <= answer.status_code < 500, answer.text


async def test_no_address_of_a_file_is_left_in_clear(
    town: Town, area: Area, capfd: pytest.CaptureFixture[str]
) -> None:
    job = await good_requests(town, area)
    await bad_requests(town)
    # Its sender sees everything.
    assert (await shown(town, job))["name"] == SECRET_NAME
    faults = (await town.get(f"/ingest/jobs/{job['id']}/faults")).content
    assert PHONE.encode() in faults
    assert EMAIL.encode() in faults
    listened = await send(town, "GET", f"/ingest/jobs/{job['id']}/events")
    assert SECRET_NAME.encode() in listened.content

    left = await everything_stored(town)
    assert any(b"izin_ingest" in name.encode() or content for name, content in left.items())
    assert any(name.endswith("fault-rows") for name in left)
    said = capfd.readouterr()
    left |= {"log": (said.out + said.err).encode(), "metrics": render()[0]}
    assert b"/ingest/jobs/{job_id}/faults" in left["log"]
    found = [
        f"{spelling!r} in {name}"
        for name, content in left.items()
        for spelling in spellings()
        if spelling in content
    ]
    assert found == []
