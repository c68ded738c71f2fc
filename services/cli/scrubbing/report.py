"""What a scrub shows: a bar while it runs, a table at the end, or one line of JSON for scripts."""

import sys
from types import TracebackType
from typing import Final, Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from services.cli.output import show
from services.cli.scrubbing.results import ALLOWED, DENIED, Paths, State
from services.cli.scrubbing.run import TURN_LAST

_INVALID: Final = "INVALID_RECIPIENT"
# More invalid rows than this share are hardly slips of the hand.
_MANY: Final = 0.1
SPELLING: Final = (
    "{share:.0%} of the rows hold no address that is understood. Numbers are E.164, +90 and ten digits "
    "in Turkey; a spreadsheet's 5.99E+09, 0599… or 90 599… are not repaired here. Is it the right "
    "column and the right --type?"
)


class _Rate(ProgressColumn):
    """Rows a second of this turn."""

    @override
    def render(self, task: Task) -> Text:
        rows, seconds = task.fields["rows"], task.finished_time or task.elapsed
        rate = f"{(rows - task.fields['before']) / seconds:,.0f}/s" if seconds else ""
        return Text(f"{rows:,} rows  {rate}")


class Bar:
    """A progress bar on standard error, where that is a terminal; else nothing."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=None, rows=0, before=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def turn(self, number: int, *, bytes_total: int | None, rows: int = 0) -> None:
        """Begin a bar for a turn; `rows` were answered by an earlier run."""
        what = f"asking again ({number} of {TURN_LAST})" if number else "asking"
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=bytes_total, rows=rows, before=rows)

    def moved(self, *, offset: int, rows: int) -> None:
        """Move it."""
        self._progress.update(self._task, completed=offset, rows=rows)


def report(state: State, paths: Paths, *, is_complete: bool, as_json: bool) -> None:
    """Print the summary; of a run that is not complete, how far it is."""
    unverified = state.counts.get("UNVERIFIED", 0)
    facts: dict[str, object] = {
        "complete": is_complete,
        "rows": state.rows,
        "allowed": state.allowed,
        "denied": state.rows - state.allowed,
        "unverified": unverified,
        "counts": state.counts,
        "position": state.position,
    }
    if is_complete:
        facts["allowedFile"] = str(paths.result(ALLOWED))
        facts["deniedFile"] = str(paths.result(DENIED))
    if as_json:
        show(facts, as_json=True)
    elif is_complete:
        _print_table(state, paths)


def _print_table(state: State, paths: Paths) -> None:
    table = Table(box=box.SIMPLE, show_footer=True)
    table.add_column("reason", "all rows")
    table.add_column("rows", f"{state.rows:,}", justify="right")
    for reason, rows in sorted(state.counts.items(), key=lambda item: -item[1]):
        table.add_row(reason, f"{rows:,}")
    console = Console(soft_wrap=True)
    console.print(table)
    print(f"{state.allowed:,} may be sent to: {paths.result(ALLOWED)}")
    print(f"{state.rows - state.allowed:,} may not:       {paths.result(DENIED)}")
    share = state.counts.get(_INVALID, 0) / max(1, state.rows)
    if share > _MANY:
        print(SPELLING.format(share=share))
