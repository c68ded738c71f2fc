"""One table of one run, and what stands behind each of its rows."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from loadtests.kit.load import Measured
from loadtests.kit.tools import DATA, ROOT, Machine

RESULTS: Final = ROOT / "loadtests" / "results"
HEAD: Final = ("", "ours", "beside it", "ratio", "at least", "aim", "reached")
TURN_HEAD: Final = ("", "turn", "per second", "p50 ms", "p99 ms", "p99.9 ms")
TURN_TAIL: Final = ("server's CPU µs", "cores busy", "note")


@dataclass(frozen=True, slots=True)
class Goal:
    """What must be reached and what is aimed at, for a figure that is better when larger (or smaller)."""

    least: float
    aim: float
    unit: str = " ×"
    smaller_is_better: bool = False

    def shown(self, bound: float) -> str:
        """Return a bound for the table."""
        sign = (
            ("≤ " if self.smaller_is_better else "≥ ")
            if self.unit != " ×" or self.smaller_is_better
            else ""
        )
        return f"{sign}{bound:.3g}{self.unit}"

    def verdict(self, figure: float) -> str:
        """Return how far a figure reaches."""
        sign = -1 if self.smaller_is_better else 1
        if sign * figure >= sign * self.aim:
            return "aim"
        return "yes" if sign * figure >= sign * self.least else "no"


@dataclass(slots=True)
class Report:
    """The rows of the table, in order, and the turns that they were made from."""

    rows: list[Sequence[str]] = field(default_factory=list[Sequence[str]])
    turns: list[Sequence[str]] = field(default_factory=list[Sequence[str]])
    remarks: list[str] = field(default_factory=list[str])

    def row(
        self, what: str, ours: str = "", beside: str = "", ratio: str = "", **rest: str
    ) -> None:
        """Add a row as it is; `rest` may hold least, aim, reached."""
        tail = (rest.get("least", ""), rest.get("aim", ""), rest.get("reached", ""))
        self.rows.append((what, ours, beside, ratio, *tail))

    def ratio(
        self,
        what: str,
        ours: Sequence[Measured],
        theirs: Sequence[Measured],
        goal: Goal | None = None,
        *,
        void: str = "",
        units: int = 1,
    ) -> None:
        """Add a row of rates: medians, and the median of the ratios of neighbouring turns.

        A request counts as `units`; `void` says why the row is worth nothing.
        """
        ratio = median(a.rate / b.rate for a, b in zip(ours, theirs, strict=True))
        failed = sum(turn.failed for turn in (*ours, *theirs))
        if failed and not void:
            void = f"void: {failed} requests failed"
        self.row(
            what,
            f"{median(turn.rate for turn in ours) * units:,.0f}/s",
            f"{median(turn.rate for turn in theirs):,.0f}/s",
            f"{ratio:.2f} ×",
            least=goal.shown(goal.least) if goal else "",
            aim=goal.shown(goal.aim) if goal else "",
            reached=void or (goal.verdict(ratio) if goal else "—"),
        )

    def figure(
        self, what: str, value: float, goal: Goal, *, beside: str = "", void: str = ""
    ) -> None:
        """Add a row of one figure of ours."""
        self.row(
            what,
            f"{value:.3g}{goal.unit}",
            beside,
            least=goal.shown(goal.least),
            aim=goal.shown(goal.aim),
            reached=void or goal.verdict(value),
        )

    def turn(self, what: str, number: int, measured: Measured) -> None:
        """Keep one turn for the result file."""
        numbers = (measured.p50, measured.p99, measured.p999)
        self.turns.append(
            (
                *(what, str(number), f"{measured.rate:,.0f}"),
                *(f"{value:.3f}" if value else "" for value in numbers),
                f"{measured.cpu_us:.1f}" if measured.cpu_us else "",
                measured.busy.shown(),
                measured.note + (f" {measured.failed} failed" if measured.failed else ""),
            )
        )

    def remark(self, text: str) -> None:
        """Keep a sentence for below the table."""
        self.remarks.append(text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rule = "|".join("---" for _column in head)
    lines = [f"| {' | '.join(head)} |", f"|{rule}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def heading(title: str, machine: Machine, command: str, missing: Sequence[str]) -> str:
    """Return what stands above the table."""
    lines = [
        f"{title}, {machine.day}, commit {machine.commit}",
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb} GB",
        f"{machine.versions}",
        f"Command: `{command}`. Limits profile: izin (no limit on checks).",
        *(f"MISSING {line}" for line in missing),
    ]
    return "\n".join(lines)


def write_result(
    report: Report, day: str, above: str, *, name: str, complete: bool, picture: Path | None = None
) -> Path:
    """Write the dated result file; an older one of the same day is replaced.

    A run that was not complete is no result to keep: it goes beside the seeded data.
    """
    path = RESULTS / f"{day}-{name}.md" if complete else DATA / f"last-partial-{name}.md"
    remarks = "\n".join(f"- {remark}" for remark in report.remarks)
    if picture is not None and picture.exists():
        shutil.move(picture, path.with_suffix(".svg"))
        remarks += f"\n\n![what goes in, and who waits]({path.stem}.svg)"
    title = above.partition(", commit")[0]
    parts = (
        f"# {title}",
        "\n".join(f"{line}  " for line in above.splitlines()[1:]),
        table(HEAD, report.rows),
        remarks,
        "## Every turn",
        table((*TURN_HEAD, *TURN_TAIL), report.turns),
    )
    path.write_text("\n\n".join(parts) + "\n")
    return path
