"""Charts: numbers to SVG paths. Pure; the macro in ``parts/charts.html`` puts them on a page.

A chart always has a sentence that says what it shows and a table with its numbers, so that nobody
needs to see it. Paths lie in a box of ``WIDTH`` by ``HEIGHT`` units that is stretched to its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WIDTH = 1000
HEIGHT = 100
SMALL_WIDTH = 96
SMALL_HEIGHT = 24

Tone = Literal["plain", "ok", "busy", "warn", "bad", "dead"]


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers under a name, one for each of the chart's labels; null where nothing is known."""

    name: str
    values: tuple[float | None, ...]
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a label, such as a release: ``at`` is its place among them."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: ``sentence`` tells it in words, ``axis`` names its labels. Bars are stacked,
    lines are not.
    """

    sentence: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    kind: Literal["bars", "line"] = "bars"
    marks: tuple[Mark, ...] = ()
    unit: str = ""
    axis: str = "When"

    @property
    def top(self) -> float:
        """The largest value that must fit, at least 1."""
        return max(1.0, *self._heights()) if self.labels else 1.0

    def _heights(self) -> list[float]:
        if self.kind == "line":
            return [value for one in self.series for value in one.values if value is not None]
        columns = zip(*(one.values for one in self.series), strict=True)
        return [sum(value or 0.0 for value in column) for column in columns]


def paths(chart: Chart) -> list[tuple[Series, str]]:
    """The path of each series, in order of drawing."""
    if chart.kind == "line":
        return [(one, line_path(one.values, chart.top)) for one in chart.series]
    below = [0.0] * len(chart.labels)
    drawn = []
    for one in chart.series:
        drawn.append((one, bar_path(one.values, chart.top, below)))
        below = [base + (value or 0.0) for base, value in zip(below, one.values, strict=True)]
    return drawn


def mark_x(chart: Chart, mark: Mark) -> float:
    """Where a mark stands: at the beginning of its label's share of the width."""
    return _short(WIDTH * mark.at / max(1, len(chart.labels)))


def bar_path(
    values: Sequence[float | None], top: float, below: Sequence[float] | None = None
) -> str:
    """One path of a bar for each value, standing on ``below``; nothing is no bar."""
    step = WIDTH / max(1, len(values))
    width = _short(step * 0.8)
    parts = []
    for number, value in enumerate(values):
        if not value:
            continue
        base = below[number] if below else 0.0
        high = max(1.5, HEIGHT * value / top)  # what is there is seen
        foot = HEIGHT - HEIGHT * base / top
        parts.append(f"M{_short(number * step + step * 0.1)} {_short(foot)}v{_short(-high)}")
        parts.append(f"h{width}V{_short(foot)}z")
    return "".join(parts)


def outline_path(values: Sequence[float]) -> str:
    """One short path around the bars of whole numbers, for a small chart in a list: in a box of
    ``SMALL_WIDTH`` by ``SMALL_HEIGHT``, which its place has in pixels.
    """
    top, step = max([1, *values]), _short(SMALL_WIDTH / max(1, len(values)))
    parts, height = [f"M0 {SMALL_HEIGHT}"], 0
    for value in values:
        high = max(2, round(SMALL_HEIGHT * value / top)) if value else 0
        parts.append(f"v{height - high}" if high != height else "")
        parts.append(f"h{step}")
        height = high
    return "".join([*parts, f"V{SMALL_HEIGHT}z"])


def line_path(values: Sequence[float | None], top: float) -> str:
    """One path through the values; a gap where nothing is known. One value alone is a dash."""
    step = WIDTH / max(1, len(values) - 1)
    parts = []
    pen_down = False
    for number, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        y = _short(HEIGHT - HEIGHT * value / top)
        last = number + 1 == len(values)
        alone = not pen_down and (last or values[number + 1] is None)
        dash = ("h-6" if last else "h6") if alone else ""
        parts.append(f"{'L' if pen_down else 'M'}{_short(number * step)} {y}{dash}")
        pen_down = True
    return "".join(parts)


def shares(parts: Sequence[tuple[str, float, Tone]]) -> list[tuple[str, float, Tone, float, float]]:
    """Parts of a whole as a bar: each with where it begins and how wide it is, in percent."""
    whole = sum(value for _, value, _ in parts) or 1.0
    drawn = []
    begin = 0.0
    for name, value, tone in parts:
        width = 100 * value / whole
        drawn.append((name, value, tone, round(begin, 2), round(width, 2)))
        begin += width
    return drawn


def _short(number: float) -> float | int:
    rounded = round(number, 1)
    return int(rounded) if rounded == int(rounded) else rounded
