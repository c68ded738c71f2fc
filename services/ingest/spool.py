"""Where the content of jobs lies, sealed: what was uploaded, and what is made of it on the way.

One folder a job, below a directory that all web processes and workers of ingest share.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import orjson

from services.ingest.lanes.refused_keys import AddressMarks, KeyHashes, RefusedKeys
from services.ingest.lanes.rows import RowFault
from shared.ledger.ingest_jobs import Lane
from shared.sealing.job_keys import JobKey
from shared.sealing.sealed_file import FRAME_BYTES, SealedFile

CONTENT: Final = "content"
PLAN: Final = "plan"


@dataclass(frozen=True, slots=True)
class JobSpool:
    """The folder of one job."""

    path: Path
    key: JobKey

    @property
    def content(self) -> SealedFile:
        """What was uploaded."""
        return SealedFile(self.path / CONTENT, self.key)

    def file(self, name: str) -> SealedFile:
        """Return a file that is made of the content on the way, by its name; or the content itself."""
        return SealedFile(self.path / name, self.key)

    def save_plan(self, plan: Mapping[str, object]) -> None:
        """Keep how the content is to be read; readers find the earlier plan, or this one, whole."""
        draft = self.path / f"{PLAN}-{uuid4()}"
        draft.write_bytes(self.key.seal(orjson.dumps(plan), name=PLAN.encode()))
        draft.replace(self.path / PLAN)

    def read_plan(self) -> dict[str, object] | None:
        """Return the plan, or None where there is none yet; raises OSError, SealBrokenError."""
        try:
            sealed = (self.path / PLAN).read_bytes()
        except FileNotFoundError:
            return None
        plan: dict[str, object] = orjson.loads(self.key.open(sealed, name=PLAN.encode()))
        return plan

    def save_refused_keys(self, keys: RefusedKeys) -> None:
        """Keep which keys have a refusal among their rows."""
        self._replace("refused-keys", keys.hashes.to_bytes())
        self._replace("refused-marks", keys.marks.to_bytes() if len(keys.hashes) else b"")

    def read_refused_keys(self) -> RefusedKeys:
        """Return them; raises OSError, SealBrokenError."""
        return RefusedKeys(
            KeyHashes.of_bytes(self._read("refused-keys")),
            AddressMarks.of_bytes(self._read("refused-marks")),
        )

    def save_faults(self, lane: Lane, step: int, faults: Sequence[RowFault]) -> None:
        """Keep the faults of a step, instead of those that it had; without any there is no file."""
        if not faults:
            SealedFile(self.path / f"faults-{lane.value}-{step}", self.key).remove()
            return
        rows = [[fault.offset, fault.column, fault.code, fault.detail] for fault in faults]
        self._replace(f"faults-{lane.value}-{step}", orjson.dumps(rows))

    def faults(self, lane: Lane, step: int) -> list[RowFault]:
        """Return the faults of a step; none where it had none."""
        path = self.path / f"faults-{lane.value}-{step}"
        if not path.exists():
            return []
        return [RowFault(*row) for row in orjson.loads(self._read(path.name))]

    def fault_steps(self, lane: Lane) -> Iterator[int]:
        """Yield the steps of a lane that had faults, in order."""
        steps = (
            int(path.name.rpartition("-")[2]) for path in self.path.glob(f"faults-{lane.value}-*")
        )
        yield from sorted(steps)

    def remove(self) -> None:
        """Remove everything of the job."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _replace(self, name: str, content: bytes) -> None:
        draft = SealedFile(self.path / name, self.key)
        draft.remove()
        for at in range(0, len(content), FRAME_BYTES):
            draft.append(content[at : at + FRAME_BYTES])

    def _read(self, name: str) -> bytes:
        sealed = SealedFile(self.path / name, self.key)
        if not sealed.size:
            return b""
        with sealed.open() as file:
            return file.read()


@dataclass(frozen=True, slots=True)
class Spool:
    """The shared directory."""

    path: Path

    def of_job(self, job_id: UUID, key: JobKey) -> JobSpool:
        """Return a job's folder; it is made when it is not there."""
        folder = self.path / str(job_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return JobSpool(folder, key)
