"""Sending files to the product over HTTP, and hearing how far it is with them."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from loadtests.kit.stack import Product, access_token

POLL_S: Final = 0.1
OPEN: Final = frozenset({"UPLOADING", "QUEUED"})
TIMEOUT_S: Final = 600
STANDSTILL_S: Final = 120
BLOCK_BYTES: Final = 1 << 20
Job = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Uploader:
    """A provider of the demo world who sends files."""

    port: int
    token: str

    @staticmethod
    def of(running: Product) -> "Uploader":
        """Sign in."""
        return Uploader(int(running.base_url.rpartition(":")[2]), access_token(running))

    def send(self, path: Path, brand_code: int) -> str:
        """Send a file whose rows are all about one brand; return the job's id."""
        query = urlencode({"name": path.name, "brandCode": brand_code}, quote_via=quote)
        with path.open("rb") as content:
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(path.stat().st_size),
            }
            job = self._ask("POST", f"/ingest/files?{query}", headers, content)
        return str(job["id"])

    def job(self, job_id: str) -> Job:
        """Return how far a job is."""
        return self._ask("GET", f"/ingest/jobs/{job_id}")

    def wait(
        self,
        job_id: str,
        *,
        every_s: float = POLL_S,
        told: Callable[[int], None] = lambda _rows_done: None,
    ) -> Job:
        """Wait until a job has ended, and tell how many rows are worked off each time that it is asked.

        Ends the bench when the job failed, or stands still.
        """
        since, before = time.perf_counter(), -1
        while time.perf_counter() < since + STANDSTILL_S:
            job = self.job(job_id)
            rows_done = int(str(job["rowsDone"]))
            told(rows_done)
            if job["state"] == "DONE":
                return job
            if job["state"] not in OPEN:
                raise SystemExit(f"the job ended as {job['state']}: {job.get('failure')}")
            if rows_done != before:
                since, before = time.perf_counter(), rows_done
            time.sleep(every_s)
        raise SystemExit(f"the job stands still: {before} rows are worked off")

    def _connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S, blocksize=BLOCK_BYTES)

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Job:
        with closing(self._connection()) as connection:
            connection.request(
                method,
                path,
                body,  # type: ignore[arg-type]  # an open file
                {"Authorization": f"Bearer {self.token}", **(headers or {})},
            )
            response = connection.getresponse()
            said = response.read()
        if response.status not in {200, 201, 202}:
            raise SystemExit(f"{method} {path}: {response.status} {said[:500]!r}")
        answer: Job = json.loads(said)
        return answer


def outcomes_of(job: Job) -> dict[str, int]:
    """Return how many rows of a job ended how, as `loadtests.consent_files` counts them."""
    refused = job["refusedByCode"]
    assert isinstance(refused, dict)  # noqa: S101  # the shape of a job
    counts = {str(code): int(rows) for code, rows in refused.items()}
    for word in ("accepted", "unchanged"):
        if rows := int(str(job[word])):
            counts[word.upper()] = rows
    return counts
