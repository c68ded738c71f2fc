"""A file's job as the server tells of it, and the words of what became of its rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, JsonValue, ValidationError

from services.cli.client import Client
from services.cli.errors import CliError
from services.cli.uploading.asking import ask
from services.ingest.faults.row_codes import TEXTS, RowCode
from shared.web.iys_messages import MESSAGES, text_of

PATH: Final = "/ingest/jobs"
_Shape = TypeVar("_Shape", bound=BaseModel)


class Failure(BaseModel):
    """Why the file as a whole could not be worked off; the detail is Turkish."""

    code: str
    detail: str | None


class Job(BaseModel):
    """An uploaded file, and how far it is. `rowsSeen` is not known before it was read through once."""

    id: str
    state: Literal["UPLOADING", "QUEUED", "DONE", "FAILED", "CANCELLED"]
    name: str | None
    dryRun: bool  # noqa: N815  # the server's names
    createdAt: datetime  # noqa: N815
    size: int | None
    received: int
    uploadUrl: str | None  # noqa: N815
    rowsSeen: int | None  # noqa: N815
    rowsDone: int  # noqa: N815
    accepted: int
    unchanged: int
    refused: int
    refusedByCode: dict[str, int]  # noqa: N815
    rowsPerSecond: float | None  # noqa: N815
    secondsLeft: float | None  # noqa: N815
    faultsUrl: str | None  # noqa: N815
    duplicateOf: str | None  # noqa: N815
    failure: Failure | None

    @property
    def is_over(self) -> bool:
        """Nothing more is going to happen to it."""
        return self.state not in {"UPLOADING", "QUEUED"}


class Outcome(BaseModel):
    """How the rows of one brand ended."""

    brandCode: int  # noqa: N815
    brandName: str | None  # noqa: N815
    accepted: int
    unchanged: int
    refused: int


class Report(BaseModel):
    """How the rows ended, brand by brand; `unreadable` are those whose brand is not known."""

    brands: list[Outcome]
    unreadable: int


def job_path(job_id: str) -> str:
    """Return where a job is."""
    return f"{PATH}/{job_id}"


class Page(BaseModel):
    """Some jobs, the newest first; `next` is where the following page begins."""

    items: list[Job]
    next: str | None


def read(shape: type[_Shape], body: Mapping[str, JsonValue]) -> _Shape:
    """Read an answer; raises CliError for one that is of another program or version."""
    try:
        return shape.model_validate(body)
    except ValidationError:
        raise CliError("the server's answer is no job; is it an izin of this version?") from None


def read_job(client: Client, job_id: str) -> Job:
    """Return a job; raises CliError, IncompleteError."""
    return read(Job, ask(client, "GET", job_path(job_id)))


def read_report(client: Client, job_id: str) -> Report:
    """Return how a job's rows ended by brand; raises CliError, IncompleteError."""
    return read(Report, ask(client, "GET", f"{job_path(job_id)}/report"))


def job_id_of(text: str) -> str:
    """Return the number of a job as the server writes it; BadParameter for anything else."""
    try:
        return str(UUID(text))
    except ValueError:
        raise typer.BadParameter(
            f"{text} is no number of a job; `izin jobs list` has them"
        ) from None


def reason(code: str) -> str:
    """Return what a code means, in Turkish, as in the file of faults but for what is of one row."""
    if code in MESSAGES:
        return text_of(None, code)
    known = {one.value: TEXTS[one] for one in RowCode}
    return known.get(code, "")
