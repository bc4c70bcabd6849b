"""Web vitals and pages of real users as pages show them; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.dashboard.charts import Chart, Series, Tone
from storage.rum import THRESHOLDS, Moment, Vital, rating_of

LABELS = {
    "lcp": ("LCP", "Largest Contentful Paint: until the largest part is seen"),
    "inp": ("INP", "Interaction to Next Paint: until a press shows"),
    "cls": ("CLS", "Cumulative Layout Shift: how far parts move by themselves"),
    "fcp": ("FCP", "First Contentful Paint: until anything is seen"),
    "ttfb": ("TTFB", "Time To First Byte: until the server answers"),
    "load": ("Load", "Until all of the page is loaded"),
}
_TONES: dict[str | None, Tone] = {"good": "ok", "needs": "warn", "poor": "bad", None: "plain"}
_WORDS = {"good": "good", "needs": "needs work", "poor": "poor", None: "no samples"}
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class VitalRow:
    """A vital by its 75th percentile, with how many samples are good, so so, and poor."""

    name: str
    label: str
    meaning: str
    p75: float | None
    shown: str
    tone: Tone
    word: str
    good_up_to: str
    poor_above: str
    good: int
    needs: int
    poor: int

    @property
    def samples(self) -> int:
        return self.good + self.needs + self.poor


@dataclass(frozen=True, slots=True)
class Cell:
    """A measure in a table: as it is shown, and how that is."""

    shown: str
    tone: Tone
    word: str


def measured(name: str, value: float | None) -> str:
    """A measure as people read it: ``2.4 s``, ``180 ms``, and CLS a bare number."""
    if value is None:
        return "none"
    if name == "cls":
        return f"{value:.2f}"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def vital_row(vital: Vital) -> VitalRow:
    """A vital as a row."""
    label, meaning = LABELS[vital.name]
    good, poor = THRESHOLDS[vital.name]
    return VitalRow(
        vital.name,
        label,
        meaning,
        vital.p75,
        measured(vital.name, vital.p75),
        _TONES[vital.rating],
        _WORDS[vital.rating],
        measured(vital.name, good),
        measured(vital.name, poor),
        vital.good,
        vital.needs,
        vital.poor,
    )


def cell(name: str, values: Mapping[str, float]) -> Cell:
    """A measure of a page; one without samples is empty."""
    value = values.get(name)
    if value is None:
        return Cell("", "plain", "")
    rating = rating_of(name, value) if name in THRESHOLDS else None
    return Cell(measured(name, value), _TONES[rating], _WORDS[rating] if rating else "")


def trend_chart(trend: Sequence[Moment], name: str) -> Chart | None:
    """How a measure's 75th percentile went; null without two moments that have it."""
    values = tuple(moment.p75.get(name) for moment in trend)
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    label = LABELS[name][0]
    return Chart(
        f"The 75th percentile of {label} went from {measured(name, known[0])} to"
        f" {measured(name, known[-1])}; at most {measured(name, max(known))}.",
        _moments([moment.at for moment in trend]),
        (Series(label, tuple(None if v is None else round(v, 3) for v in values)),),
        kind="line",
        unit="" if name == "cls" else "ms",
    )


def views_chart(trend: Sequence[Moment]) -> Chart | None:
    """How many views there were."""
    if not trend:
        return None
    views = tuple(float(moment.views) for moment in trend)
    return Chart(
        f"{sum(views):,.0f} views, at most {max(views):,.0f} at a time.",
        _moments([moment.at for moment in trend]),
        (Series("views", views),),
    )


def _moments(times: Sequence[datetime]) -> tuple[str, ...]:
    """Labels of a trend, in UTC: with the day where steps are of hours."""
    long = len(times) > 1 and (times[-1] - times[0]).total_seconds() > _DAY
    form = "%b %d, %H:%M UTC" if long else "%H:%M UTC"
    return tuple(time.strftime(form) for time in times)
