"""Files over HTTP, as clients send them, and a worker that is played by the test, step by step."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from services.ingest.jobs.area import Files, build_files
from services.ingest.jobs.upkeep import Upkeep, build_upkeep
from services.ingest.lanes.rows import RawPiece, RowFault
from services.ingest.lanes.work_file import PARTS_A_PIECE
from services.ingest.parts import Parts, open_parts
from services.ingest.reading.plan import ReadPlan
from services.ingest.settings import IngestSettings
from services.ingest.spool import JobSpool
from shared.clock import utc_now
from shared.domain.webhook_url import WebhookUrl
from shared.ledger.ingest_jobs import Claim, Lane, claim_lane, renew_claim, save_survey
from shared.ledger.ingest_steps import Step, StepRecorder
from shared.sealing.job_keys import JobKey, JobKeys
from tests.registry.doors import Answer, Town
from tests.support.builders import Login

CONTENT = "alıcı;tür;durum\n+905990000001;MESAJ;ONAY\n+905990000002;MESAJ;RET\n".encode()
OFFSET_TYPE = "application/offset+octet-stream"
Who = Login | str | None


async def send(
    town: Town,
    method: str,
    path: str,
    *,
    content: bytes | AsyncIterator[bytes] | None = None,
    who: Who = "provider",
    **headers: str,
) -> Answer:
    """Send a request; `Upload_Offset="0"` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    authorization = await town.authorization(who)
    return await town.client.request(
        method, path, content=content, headers={**authorization, **named}
    )


async def announce(town: Town, *, who: Who = "provider", **body: Any) -> dict[str, Any]:
    """Announce a file and return the job."""
    answer = await town.post("/ingest/jobs", {"name": "izinler.csv", **body}, who=who)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def put(town: Town, job: Mapping[str, Any], content: Any, **more: Any) -> Answer:
    return await send(town, "PUT", job["uploadUrl"], content=content, **more)


async def patch(
    town: Town, job: Mapping[str, Any], content: Any, *, at: int, **more: Any
) -> Answer:
    headers = {"Tus_Resumable": "1.0.0", "Upload_Offset": str(at), "Content_Type": OFFSET_TYPE}
    return await send(town, "PATCH", job["uploadUrl"], content=content, **{**headers, **more})


async def head(town: Town, job: Mapping[str, Any], **more: Any) -> Answer:
    return await send(town, "HEAD", f"/ingest/jobs/{job['id']}/content", **more)


async def shown(town: Town, job: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a job as its sender sees it."""
    answer = await town.get(f"/ingest/jobs/{job['id']}", **more)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def uploaded(
    town: Town, content: bytes = CONTENT, *, who: Who = "provider", **body: Any
) -> dict[str, Any]:
    """Announce a file, send it, and return the job that is in the queue."""
    job = await announce(town, who=who, **body)
    answer = await put(town, job, content, who=who)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def code_of(answer: Answer) -> str:
    """Return the code of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    return str(body["code"])


async def key_of(town: Town, job: Mapping[str, Any]) -> JobKey:
    row = await town.owner.fetchrow(
        "SELECT job_key, sealing_key_id FROM ingest_job WHERE job_id = $1", UUID(job["id"])
    )
    assert row is not None
    keys = JobKeys(town.ring)
    return keys.open(row["job_key"], job_id=UUID(job["id"]), key_id=row["sealing_key_id"])


async def spool_of(town: Town, job: Mapping[str, Any]) -> JobSpool:
    """Return the job's folder, opened with its key."""
    return JobSpool(town.data_dir / "spool" / "files" / job["id"], await key_of(town, job))


async def stored(town: Town, job: Mapping[str, Any]) -> bytes:
    """Return the content as it lies on the disk, unsealed."""
    file = (await spool_of(town, job)).content
    if not file.size:
        return b""
    with file.open() as opened:
        return opened.read()


async def lanes_of(town: Town, job: Mapping[str, Any]) -> list[str]:
    rows = await town.owner.fetch(
        "SELECT lane FROM ingest_lane WHERE job_id = $1 AND NOT done ORDER BY lane", UUID(job["id"])
    )
    return [row["lane"] for row in rows]


@dataclass
class Clock:
    """The time of an area that a test has opened, ahead of the real one."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Area:
    """The use cases without HTTP, with a clock, and with calls that go into a list."""

    parts: Parts
    files: Files
    upkeep: Upkeep
    clock: Clock
    calls: "Calls"


class Calls:
    """A courier that writes down what it is given, and says what it is told to say."""

    def __init__(self) -> None:
        self.made: list[tuple[WebhookUrl, dict[str, Any], str, str]] = []
        self.taken = True

    async def __call__(
        self, url: WebhookUrl, content: bytes, *, message_id: str, timestamp: int, secret: str
    ) -> bool:
        assert timestamp > 0
        self.made.append((url, json.loads(content), message_id, secret))
        return self.taken


@asynccontextmanager
async def open_area(town: Town, **settings: Any) -> AsyncGenerator[Area]:
    """Open ingest's parts on the town's ledger and spool."""
    options = IngestSettings(
        postgres_dsn=SecretStr(town.dsn),
        keys_file=town.keys_file,
        data_dir=town.data_dir,
        admit_test_range=True,
        **settings,
    )
    clock, calls = Clock(), Calls()
    async with open_parts(options, now=clock) as parts:
        yield Area(parts, build_files(parts), build_upkeep(parts, calls), clock, calls)


Outcomes = Mapping[tuple[int, str], int]


async def claimed(area: Area, lane: Lane) -> Claim:
    claim = await claim_lane(
        area.parts.writer_pool,
        lane,
        now=area.clock(),
        until=area.clock() + timedelta(seconds=60),
    )
    assert claim is not None
    return claim


async def play_survey(area: Area, job: Mapping[str, Any], rows: int) -> None:
    """Find out how many rows the file has, as a worker does."""
    await save_survey(area.parts.writer_pool, UUID(job["id"]), rows=rows, has_refusals=True)


async def play_step(
    area: Area,
    claim: Claim,
    outcomes: Outcomes,
    *,
    number: int = 0,
    after: int | None = None,
    is_last: bool = True,
) -> None:
    """Work off a step, without movements: `outcomes` says how many rows of a brand ended how.

    `after` is the step before it, if that was made by the same claim.
    """
    totals = {"ACCEPTED": 0, "UNCHANGED": 0}
    refused = 0
    for (_brand, code), rows in outcomes.items():
        if code in totals:
            totals[code] += rows
        else:
            refused += rows
    step = Step(
        number=number,
        after=claim.step if after is None else after,
        is_last=is_last,
        rows=sum(outcomes.values()),
        accepted=totals["ACCEPTED"],
        unchanged=totals["UNCHANGED"],
        refused=refused,
        counts=dict(outcomes),
    )
    recorder = StepRecorder(area.parts.writer_pool, digest_key_id=1, sealing_key_id=1)
    await recorder.record(claim, step, 0, [])


async def play_worker(
    area: Area,
    job: Mapping[str, Any],
    outcomes: Outcomes,
    *,
    faults: Iterable[RowFault] = (),
) -> None:
    """Work a file off in one step for each lane; it is not closed yet."""
    await play_survey(area, job, sum(outcomes.values()))
    refusals = await claimed(area, Lane.REFUSALS)
    await play_step(area, refusals, {})
    approvals = await claimed(area, Lane.APPROVALS)
    assert {refusals.job_id, approvals.job_id} == {UUID(job["id"])}
    if listed := list(faults):
        opened = area.parts.job_keys.open(
            approvals.job_key, job_id=approvals.job_id, key_id=approvals.sealing_key_id
        )
        path = area.parts.settings.spool_dir / job["id"]
        by_piece: dict[int, list[RowFault]] = {}
        for fault in listed:
            by_piece.setdefault(fault.offset // PIECE, []).append(
                RowFault(fault.offset % PIECE, fault.column, fault.code, fault.detail)
            )
        for piece, some in by_piece.items():
            JobSpool(path, opened).save_faults(Lane.APPROVALS, piece * PARTS_A_PIECE, some)
    await play_step(area, approvals, outcomes, number=PARTS_A_PIECE)
    for claim in (refusals, approvals):
        await renew_claim(area.parts.writer_pool, claim, until=area.clock())


PIECE = 3


class PlainCells:
    """Reads a CSV file in pieces of three rows: enough of a reader to see whose cells are told."""

    def __init__(self, kind: str = "csv", *, encoding: str = "utf-8") -> None:
        self.kind: Any = kind
        self.encoding = encoding
        self.asked: list[int] = []

    def __call__(
        self, spool: JobSpool, options: Mapping[str, object], numbers: Sequence[int]
    ) -> tuple[ReadPlan, Iterator[RawPiece]]:
        assert options["chunk_rows"]
        self.asked = list(numbers)
        with spool.content.open() as file:
            lines = file.read().decode(self.encoding).removeprefix("\ufeff").splitlines()
        rows = [line.split(";") for line in lines]
        plan = ReadPlan(
            format=self.kind,
            source="content",
            size=0,
            rows=PIECE,
            columns={"recipient": 0},
            names=rows[0],
            header_row=1,
            encoding=self.encoding,
            delimiter=";",
        )
        return plan, iter(
            RawPiece(
                number=n,
                first_row=n * PIECE + 1,
                count=len(rows[n * PIECE : (n + 1) * PIECE]),
                is_last=False,
                fields={},
                cells=lambda offset, n=n: rows[n * PIECE + offset],  # type: ignore[misc]  # bound now
            )
            for n in self.asked
        )
