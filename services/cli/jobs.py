"""`izin jobs`: the files that were uploaded, and what became of them."""

from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.errors import CliError
from services.cli.output import AsJson, show, show_rows, with_examples
from services.cli.session import AsWho, Who, open_client
from services.cli.uploading.asking import IncompleteError
from services.cli.uploading.faults import save_faults
from services.cli.uploading.job import (
    PATH,
    Job,
    Page,
    Report,
    job_id_of,
    job_path,
    read,
    read_job,
)
from services.cli.uploading.summary import summarise

jobs = typer.Typer(help="Files that were uploaded.", no_args_is_help=True)

_ID: Final = "2f6f6d8e-5d0f-4d0e-9c3a-0d9f0f2f7c11"
_COLUMNS: Final = (
    *("id", "createdAt", "state", "rowsSeen", "rowsDone"),
    *("accepted", "unchanged", "refused", "name"),
)
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's number.")]


@jobs.command(
    "list",
    help=with_examples(
        "List the files that were uploaded, the newest first.",
        "izin jobs list",
        "izin jobs list --as partner --json",
    ),
)
def list_jobs(
    after: Annotated[
        str | None, typer.Option(help="What the page before said: `more: --after …`.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Jobs on a page.")] = 20,
    *,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    query = f"?limit={limit}" + (f"&before={job_id_of(after)}" if after else "")
    with open_client(who) as client:
        page = read(Page, client.get(f"{PATH}{query}").body)
    items = [job.model_dump(mode="json") for job in page.items]
    show_rows(items, _COLUMNS, following=page.next, as_json=as_json)


@jobs.command("show", help=with_examples("Show how far a job is.", f"izin jobs show {_ID}"))
def show_job(job_id: JobId, *, who: AsWho = Who.PROVIDER, as_json: AsJson = False) -> None:
    """Run the command."""
    with open_client(who) as client:
        job = read(Job, client.get(job_path(job_id_of(job_id))).body)
    _show(job, as_json=as_json)


@jobs.command(
    "cancel",
    help=with_examples(
        "Stop a job; rows that were recorded before stay recorded.", f"izin jobs cancel {_ID}"
    ),
)
def cancel(job_id: JobId, *, who: AsWho = Who.PROVIDER, as_json: AsJson = False) -> None:
    """Run the command."""
    with open_client(who) as client:
        job = read(Job, client.post(f"{job_path(job_id_of(job_id))}/cancel", {}).body)
    _show(job, as_json=as_json)


@jobs.command(
    "report",
    help=with_examples(
        "Count how a job's rows ended: by outcome, by code, by brand.",
        f"izin jobs report {_ID}",
        f"izin jobs report {_ID} --as partner --json",
    ),
)
def report(job_id: JobId, *, who: AsWho = Who.PROVIDER, as_json: AsJson = False) -> None:
    """Run the command."""
    path = job_path(job_id_of(job_id))
    with open_client(who) as client:
        job = read(Job, client.get(path).body)
        said = client.get(f"{path}/report").body
    if as_json:
        show(said, as_json=True)
    else:
        summarise(job, read(Report, said), None, as_json=False)


@jobs.command(
    "faults",
    help=with_examples(
        "Fetch the rows of a job that were refused, with row number, column, code and explanation.",
        f"izin jobs faults {_ID}",
        f"izin jobs faults {_ID} mend.xlsx",
    ),
)
def faults(
    job_id: JobId,
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="NAME.faults.csv or .xlsx if left out.")
    ] = None,
    *,
    who: AsWho = Who.PROVIDER,
    as_json: AsJson = False,
) -> None:
    """Run the command."""
    try:
        with open_client(who) as client:
            job = read_job(client, job_id_of(job_id))
            saved = save_faults(client, job.id, out=out, beside=Path(Path(job.name or job.id).name))
    except IncompleteError as error:
        raise CliError(str(error)) from None
    show(
        {"faultsFile": None if saved is None else str(saved), "refused": job.refused},
        as_json=as_json,
    )


def _show(job: Job, *, as_json: bool) -> None:
    facts = job.model_dump(mode="json")
    show(
        facts
        if as_json
        else {name: fact for name, fact in facts.items() if fact not in (None, {})},
        as_json=as_json,
    )
