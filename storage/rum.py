"""What real-user monitoring shows: vitals, pages, movers. Values, and the rules between them; pure.

Thresholds are those of web.dev/vitals: at least three quarters of visits should be good, so a vital
is told by its 75th percentile, never by its average.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

#: Good up to the first, poor above the second. Milliseconds, but for CLS.
THRESHOLDS: Mapping[str, tuple[float, float]] = {
    "lcp": (2500, 4000),
    "inp": (200, 500),
    "cls": (0.1, 0.25),
    "fcp": (1800, 3000),
    "ttfb": (800, 1800),
}

#: Fewest samples of a page in each of two spans that are compared.
MIN_COMPARED = 20
MAX_MOVERS = 5
#: What a page's load and its vitals are compared by, the most telling first.
_MOVED_BY = ("lcp", "inp", "cls", "load")
#: A change smaller than this share is noise.
_LEAST_CHANGE = 0.1

Rating = Literal["good", "needs", "poor"]


def rating_of(name: str, value: float) -> Rating:
    """How a vital's value is; raises ``KeyError`` for one without thresholds."""
    good, poor = THRESHOLDS[name]
    if value <= good:
        return "good"
    return "needs" if value <= poor else "poor"


@dataclass(frozen=True, slots=True)
class Vital:
    """A vital of many views. ``p75`` is null without samples; the three counts are exact."""

    name: str
    p75: float | None
    good: int
    needs: int
    poor: int

    @property
    def samples(self) -> int:
        return self.good + self.needs + self.poor

    @property
    def rating(self) -> Rating | None:
        """How it is by its 75th percentile."""
        return None if self.p75 is None else rating_of(self.name, self.p75)


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page of the table. ``p75`` has vitals and ``load``, where there are samples; ``before`` the
    same of the span before, and ``samples`` of both: (now, before).

    ``rule`` is true for a page that a rule makes of many paths. ``users`` is estimated above some
    thousands; ``errors`` and ``error_users`` are of crashes of the page, null while unknown.
    """

    page: str
    rule: bool
    views: int
    users: int
    p75: Mapping[str, float]
    before: Mapping[str, float]
    samples: Mapping[str, tuple[int, int]]
    errors: int | None = None
    error_users: int | None = None


@dataclass(frozen=True, slots=True)
class Mover:
    """A page whose ``measure`` changed most between two spans of time."""

    page: str
    measure: str
    before: float
    now: float

    @property
    def change(self) -> float:
        """By which share it grew: 0.5 is half as much again."""
        return self.now / self.before - 1


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a trend."""

    at: datetime
    views: int
    p75: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RumOverview:
    """A span of time of a project. ``other_pages`` is how many views are of pages not listed."""

    views: int
    sessions: int
    users: int
    vitals: list[Vital]
    load_p75: float | None
    pages: list[PageRow]
    other_views: int
    trend: list[Moment]


@dataclass(frozen=True, slots=True)
class Share:
    """A value of an attribute and how many views had it."""

    value: str
    views: int
    load_p75: float | None = None


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A request or asset that sampled views of a page loaded."""

    kind: str
    name: str
    count: int
    median_ms: float | None
    p75_ms: float | None
    slowest_ms: float | None
    bytes: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram: views from ``start_ms`` on, up to the next bar."""

    start_ms: float
    views: int


@dataclass(frozen=True, slots=True)
class RecentView:
    """A view of the page, with the session to see it in."""

    event_id: str
    at: str
    session_id: str | None
    user: str | None
    load_ms: float | None
    browser: str | None


@dataclass(frozen=True, slots=True)
class PageDetail:
    """Why a page is as it is. ``phases`` are medians of its loading, phase by phase; ``resources``
    are of the ``sampled`` latest views. ``paths`` are the most viewed of a rule's page.
    """

    views: int
    users: int
    sessions: int
    vitals: list[Vital]
    load_p75: float | None
    phases: Mapping[str, float]
    histogram: list[Bar]
    shares: Mapping[str, list[Share]]
    resources: list[ResourceRow]
    sampled: int
    recent: list[RecentView]
    paths: list[Share]
    trend: list[Moment]


@dataclass(frozen=True, slots=True)
class PageErrors:
    """Crashes of a page: how many, whom they met, and the groups most of them are in."""

    errors: int
    users: int
    groups: Mapping[str, int] = field(default_factory=dict)


def worst_movers(rows: Iterable[PageRow]) -> list[Mover]:
    """The pages that got slower most, each by the measure that grew most; largest change first."""
    movers = [mover for row in rows if (mover := _moved(row)) is not None]
    movers.sort(key=lambda one: -one.change)
    return movers[:MAX_MOVERS]


def _moved(row: PageRow) -> Mover | None:
    changes = [
        Mover(row.page, name, row.before[name], row.p75[name])
        for name in _MOVED_BY
        if min(row.samples.get(name, (0, 0))) >= MIN_COMPARED and row.before.get(name, 0) > 0
    ]
    worst = max(changes, key=lambda one: one.change, default=None)
    return worst if worst is not None and worst.change >= _LEAST_CHANGE else None
