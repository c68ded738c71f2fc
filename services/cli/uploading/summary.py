"""What is told of a job at its end: how many rows, which refusals and why, brand by brand."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from services.cli.output import show
from services.cli.uploading.job import Job, Report, reason


def summarise(job: Job, report: Report, faults: Path | None, *, as_json: bool) -> None:
    """Print the summary of a job; of one that is not over, how far it is."""
    if as_json:
        facts = job.model_dump(mode="json") | {
            "brands": report.model_dump(mode="json")["brands"],
            "faultsFile": None if faults is None else str(faults),
        }
        show(facts, as_json=True)
        return
    if job.failure is not None and not job.rowsDone:
        return  # why it failed is told as an error
    print(_headline(job))
    if not job.rowsDone:
        return
    console = Console(soft_wrap=True)
    console.print(_outcomes(job))
    if job.refusedByCode:
        console.print(_refusals(job))
    if len(report.brands) + bool(report.unreadable) > 1:
        console.print(_brands(report))
    if faults is not None:
        print(f"{job.refused:,} rows were refused; mend them in {faults} and upload that file")


def _headline(job: Job) -> str:
    name = job.name or job.id
    if job.duplicateOf and not job.rowsSeen:
        return (
            f"{name} is the file of job {job.duplicateOf}, of which every row went in: "
            "nothing to do, unless --again says so"
        )
    rate = f", {job.rowsPerSecond:,.0f} a second" if job.rowsPerSecond else ""
    seen = f"{job.rowsSeen or 0:,} rows{rate}"
    return f"{name}: {seen} judged, none recorded (dry run)" if job.dryRun else f"{name}: {seen}"


def _outcomes(job: Job) -> Table:
    table = _table("outcome", numbers=("rows",))
    for name, rows in (
        ("accepted", job.accepted),
        ("unchanged", job.unchanged),
        ("refused", job.refused),
    ):
        table.add_row(name, f"{rows:,}")
    return table


def _refusals(job: Job) -> Table:
    table = _table("refused", numbers=("rows",), last="açıklama")
    for code, rows in sorted(job.refusedByCode.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(code, f"{rows:,}", reason(code))
    return table


def _brands(report: Report) -> Table:
    table = _table("brand", numbers=("accepted", "unchanged", "refused"), last="name")
    for one in report.brands:
        numbers = (f"{rows:,}" for rows in (one.accepted, one.unchanged, one.refused))
        table.add_row(str(one.brandCode), *numbers, one.brandName or "")
    if report.unreadable:
        table.add_row("unreadable", "0", "0", f"{report.unreadable:,}", "")
    return table


def _table(first: str, *, numbers: Sequence[str], last: str | None = None) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column(first)
    for name in numbers:
        table.add_column(name, justify="right")
    if last is not None:
        table.add_column(last)
    return table
