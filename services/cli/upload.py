"""`izin upload` hands in a file of consents, and says what became of its rows."""

import signal
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import JsonValue

from services.cli.check import RecipientType, Type
from services.cli.errors import CliError
from services.cli.output import AsJson, show
from services.cli.session import AsWho, Who, open_client
from services.cli.uploading.job import Job, job_id_of
from services.cli.uploading.run import Asked, StoppedError, run
from services.cli.uploading.transfer import Content
from services.ingest.reading.columns import FIELDS

INCOMPLETE: Final = 4
ROWS_REFUSED: Final = 6
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


class Status(Enum):
    """What the person decided."""

    ONAY = "ONAY"
    RET = "RET"


File = Annotated[
    str | None, typer.Argument(metavar="FILE", help="CSV, XLSX, Parquet, or gzip of these.")
]
Origin = Annotated[
    str | None, typer.Option("--source", help="Source of rows that name none, as HS_WEB.")
]
Date = Annotated[
    str | None, typer.Option(help="Date of rows that have none, as '2026-03-02 14:05:09'.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", help="COLUMN=FIELD, for a column that goes by another name."),
]
Faults = Annotated[
    Path | None,
    typer.Option(help="Where refused rows go; left out: FILE.faults.csv or .xlsx beside FILE."),
]
Resume = Annotated[
    str | None, typer.Option(metavar="JOB", help="Go on with an upload, or with waiting.")
]


def upload(  # noqa: PLR0913  # one option per thing that can be said of a file
    source: File = None,
    *,
    brand: Annotated[int | None, typer.Option(help="Brand of rows that name none.")] = None,
    channel: Annotated[
        Type | None, typer.Option("--type", help="Channel of rows that name none.")
    ] = None,
    origin: Origin = None,
    status: Annotated[Status | None, typer.Option(help="Status of rows that name none.")] = None,
    date: Date = None,
    recipient_type: Annotated[
        RecipientType | None, typer.Option(help="Recipient type of rows that name none.")
    ] = None,
    mapped: Mapped = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until every row is recorded or refused.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge the rows and record none; waits.")
    ] = False,
    faults: Faults = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also if this very file was worked off before.")
    ] = False,
    resume: Resume = None,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    defaults = {
        "type": None if channel is None else channel.value,
        "source": origin,
        "status": None if status is None else status.value,
        "consentDate": date,
        "recipientType": None if recipient_type is None else recipient_type.value,
    }
    said: dict[str, JsonValue] = {
        "brandCode": brand,
        "defaults": {name: value for name, value in defaults.items() if value},
        "mapping": dict(_mapping(one) for one in mapped or ()),
        "dryRun": dry_run,
    }
    job_id = None if resume is None else job_id_of(resume)
    if source is None and job_id is None:
        raise typer.BadParameter("name a FILE to upload, or a job to go on with: --resume JOB")
    with ExitStack() as stack:
        content = None if source is None else stack.enter_context(_opened(source))
        stack.enter_context(_stoppable())
        asked = Asked(
            content=content,
            said=said,
            resume=job_id,
            again=again,
            wait=wait or dry_run or content is None,
            faults=faults,
        )
        _run(asked, who, as_json=as_json)


def _run(asked: Asked, who: Who, *, as_json: bool) -> None:
    try:
        with open_client(who) as client:
            job = run(client, asked, as_json=as_json)
    except StoppedError as error:
        _say_how_to_go_on(asked, error)
        raise typer.Exit(INCOMPLETE) from None
    except KeyboardInterrupt:
        raise CliError("stopped before anything was sent") from None
    if not job.is_over:
        _say_what_follows(job, as_json=as_json)
        return
    if job.failure is not None:
        raise CliError(f"{job.name}: {job.failure.detail or 'failed'} ({job.failure.code})")
    if job.state != "DONE":
        raise CliError(f"job {job.id} was cancelled; rows that were recorded before stay recorded")
    if job.refused:
        raise typer.Exit(ROWS_REFUSED)


def _mapping(text: str) -> tuple[str, str]:
    column, equals, name = text.rpartition("=")
    if not equals or not column.strip() or name.strip() not in FIELDS:
        raise typer.BadParameter(f"--map wants COLUMN=FIELD; the fields are {', '.join(FIELDS)}")
    return column.strip(), name.strip()


@contextmanager
def _opened(source: str) -> Generator[Content]:
    try:
        file = Path(source).open("rb", buffering=0)  # noqa: SIM115  # closed right below
    except OSError as error:
        raise CliError(f"{source} cannot be read ({error.strerror})") from None
    with file:
        yield Content.of(source, file)


@contextmanager
def _stoppable() -> Generator[None]:
    """Let whoever ends us in another way than Ctrl-C hear the same."""
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in STOP_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_how_to_go_on(asked: Asked, error: StoppedError) -> None:
    if error.is_sent or asked.content is None:
        _say(
            f"{error}; the work goes on at the server: `izin upload --resume {error.job}` waits for it, "
            f"`izin jobs cancel {error.job}` stops it"
        )
    else:
        _say(
            f"not complete: {error}; `izin upload {asked.content.name} --resume {error.job}` goes on "
            "where it stopped"
        )


def _say_what_follows(job: Job, *, as_json: bool) -> None:
    if as_json:
        show(job.model_dump(mode="json"), as_json=True)
    else:
        print(f"uploaded as job {job.id}; `izin upload --resume {job.id}` waits for it")


def _say(text: str) -> None:
    print(f"izin: {text}", file=sys.stderr)
