"""A picture of a load over time, as SVG: what goes in above, how long others wait below."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, log10
from pathlib import Path
from typing import Final

WIDTH: Final = 960
LEFT: Final = 76
RIGHT: Final = 24
HEIGHT: Final = 220
TOP: Final = 46
BETWEEN: Final = 70
TICKS: Final = 8
SMALLEST_MS: Final = 0.1
STYLE: Final = (
    "text{font:12px sans-serif;fill:#333}.t{font-size:15px;font-weight:bold}"
    ".g{stroke:#ddd}.e{text-anchor:end}.m{text-anchor:middle}"
)
SHADE: Final = f'height="{HEIGHT}" fill="#f3f6fa"'
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """Seconds and values. Drawn as a line, or as dots."""

    name: str
    color: str
    points: Points
    dots: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Several series over the same time; `is_log` for milliseconds, where a tenth is as far as a tenfold."""

    title: str
    unit: str
    series: Sequence[Series]
    is_log: bool = False


def draw(path: Path, title: str, panels: Sequence[Panel], *, shaded: tuple[float, float]) -> None:
    """Write the picture; the time of the load is shaded."""
    last = max(at for panel in panels for one in panel.series for at, _value in one.points)
    height = TOP + len(panels) * (HEIGHT + BETWEEN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="{LEFT}" y="24">{escape(title)}</text>',
    ]
    for n, panel in enumerate(panels):
        frame = _Frame(TOP + n * (HEIGHT + BETWEEN), last, panel)
        parts += [*frame.axes(shaded), *(frame.line(one) for one in panel.series)]
        parts += frame.legend()
    path.write_text("\n".join([*parts, "</svg>", ""]))


class _Frame:
    """Where the values of one panel lie on the page."""

    def __init__(self, top: float, last: float, panel: Panel) -> None:
        self._top = top
        self._last = max(last, 1.0)
        self._panel = panel
        values = [value for one in panel.series for _at, value in one.points]
        self._marks = _powers(values) if panel.is_log else _round_marks(max(values, default=1.0))

    def axes(self, shaded: tuple[float, float]) -> list[str]:
        """Draw the load's time, the marks, and the names of both axes."""
        begin, end = self._x(shaded[0]), self._x(shaded[1])
        bottom = self._top + HEIGHT
        parts = [
            f'<rect x="{begin:.1f}" y="{self._top}" width="{end - begin:.1f}" {SHADE}/>',
            f'<text x="{LEFT}" y="{self._top - 6}">{escape(self._panel.title)}</text>',
        ]
        for mark in self._marks:
            y = self._y(mark)
            parts += [
                f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
                f'<text class="e" x="{LEFT - 6}" y="{y + 4:.1f}">{mark:,g} {self._panel.unit}</text>',
            ]
        for mark in _round_marks(self._last):
            if mark <= self._last:
                x = self._x(mark)
                parts.append(f'<text class="m" x="{x:.1f}" y="{bottom + 16}">{mark:g} s</text>')
        return parts

    def line(self, series: Series) -> str:
        """Draw one series."""
        places = [(self._x(at), self._y(value)) for at, value in series.points]
        if series.dots:
            dots = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in places)
            return f'<g fill="{series.color}">{"".join(dots)}</g>'
        dashes = ' stroke-dasharray="6 4"' if series.dashed else ""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        return (
            f'<polyline fill="none" stroke="{series.color}" stroke-width="1.5"{dashes} '
            f'points="{points}"/>'
        )

    def legend(self) -> list[str]:
        """Name the series below the panel."""
        y, x = self._top + HEIGHT + 36, LEFT
        parts: list[str] = []
        for one in self._panel.series:
            parts.append(f'<rect x="{x}" y="{y - 9}" width="12" height="8" fill="{one.color}"/>')
            parts.append(f'<text x="{x + 17}" y="{y}">{escape(one.name)}</text>')
            x += 40 + 7 * len(one.name)
        return parts

    def _x(self, at: float) -> float:
        return LEFT + at / self._last * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        low, high = self._marks[0], self._marks[-1]
        if self._panel.is_log:
            low, high, value = log10(low), log10(high), log10(max(value, SMALLEST_MS))
        return self._top + HEIGHT * (1 - (value - low) / (high - low))


def _powers(values: Sequence[float]) -> list[float]:
    """Return powers of ten from the least that is shown to above the largest value."""
    largest = max([*values, 10 * SMALLEST_MS])
    first = round(log10(SMALLEST_MS))
    return [10.0**power for power in range(first, max(ceil(log10(largest)), first + 1) + 1)]


def _round_marks(largest: float) -> list[float]:
    """Return round numbers from 0 to above the largest value."""
    rough = max(largest, 1e-9) / TICKS
    power = 10.0 ** int(log10(rough) // 1)
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    return [step * n for n in range(ceil(largest / step) + 1)]
