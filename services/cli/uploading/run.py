"""A whole upload: announce it, or find the one that is gone on with; send it; wait for it; tell of it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from services.cli.client import Client
from services.cli.errors import CliError
from services.cli.uploading.asking import IncompleteError
from services.cli.uploading.bars import Bars
from services.cli.uploading.faults import save_faults
from services.cli.uploading.follow import follow
from services.cli.uploading.job import PATH, Job, read, read_job, read_report
from services.cli.uploading.summary import summarise
from services.cli.uploading.transfer import Content, transfer

# Two clocks, the server's and the one of the machine with the file, differ a little.
_CLOCKS_DIFFER_BY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants of an upload. `content` is missing where a job that is there is waited for."""

    content: Content | None
    said: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    resume: str | None = None
    again: bool = False
    wait: bool = False
    faults: Path | None = None


class StoppedError(Exception):
    """The upload is not at its end; `job` can be gone on with, `is_sent` if all of the file is there."""

    def __init__(self, why: str, job: str, *, is_sent: bool) -> None:
        super().__init__(why)
        self.job = job
        self.is_sent = is_sent


def run(client: Client, asked: Asked, *, as_json: bool) -> Job:
    """Do it; return the job as it is then. Raises CliError, StoppedError."""
    job = _begun(client, asked)
    is_sent = job.state != "UPLOADING"
    try:
        with Bars() as bars:
            if asked.content is not None and not is_sent:
                bars.begin(asked.content.mark.size)
                transfer(client, job.id, asked.content, again=asked.again, watch=bars)
                is_sent = True
            job = follow(client, job.id, bars) if asked.wait else read_job(client, job.id)
        if job.is_over:
            _tell(client, job, asked, as_json=as_json)
    except (IncompleteError, KeyboardInterrupt) as error:
        raise StoppedError(str(error) or "it was stopped", job.id, is_sent=is_sent) from None
    return job


def _begun(client: Client, asked: Asked) -> Job:
    """Return a new job, or the one to go on with."""
    content = asked.content
    if asked.resume is None:
        if content is None:
            raise CliError("name a file to upload, or a job to go on with: --resume JOB")
        size: dict[str, JsonValue] = {"name": Path(content.name).name, "size": content.mark.size}
        return read(Job, client.post(PATH, size | dict(asked.said)).body)
    try:
        job = read_job(client, asked.resume)
    except IncompleteError as error:
        raise CliError(str(error)) from None
    if job.state == "UPLOADING":
        _require_same(content, job)
    return job


def _require_same(content: Content | None, job: Job) -> None:
    """Require the file that the upload was begun with: of another one nobody could use the rest."""
    if content is None:
        raise CliError(
            f"{job.name} is not uploaded to its end: `izin upload FILE --resume {job.id}`"
        )
    if content.mark.size != job.size:
        raise CliError(
            f"{content.name} is not the file of that job: it has {content.mark.size} bytes, and not "
            f"{job.size}; upload it without --resume"
        )
    if content.changed_at > job.createdAt + _CLOCKS_DIFFER_BY:
        raise CliError(f"{content.name} has changed since that upload; send it without --resume")


def _tell(client: Client, job: Job, asked: Asked, *, as_json: bool) -> None:
    beside = (
        Path(Path(job.name or job.id).name) if asked.content is None else Path(asked.content.name)
    )
    saved = None
    if job.refused:
        try:
            saved = save_faults(client, job.id, out=asked.faults, beside=beside)
        except IncompleteError as error:
            later = f"`izin jobs faults {job.id}` does it later"
            print(f"izin: the refused rows cannot be fetched: {error}; {later}", file=sys.stderr)
    summarise(job, read_report(client, job.id), saved, as_json=as_json)
