"""What services do as pages show it: how often, how fast, how often it fails. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from app.api.apm import ENTRIES, Work
from app.dashboard import links
from app.dashboard.amounts import milliseconds
from app.dashboard.charts import Chart, Series, Tone
from app.dashboard.links import Named
from app.dashboard.telemetry.period import Period
from events.series import OTHER
from storage.distribution import Distribution

#: Kinds of work that have a table of their own: name, title, categories, rows.
KINDS = (
    ("requests", "Requests and jobs", ENTRIES, 12),
    ("queries", "Queries", ("db", "cache"), 8),
    ("calls", "External calls", ("http.client", "client"), 8),
    ("rest", "Other work", (), 8),
)
_NAME = 200
#: Edges of a histogram: a microsecond to some years.
_EDGES = [digit * 10.0**power for power in range(-3, 12) for digit in (1, 2, 5)]
_QUANTILES: tuple[tuple[str, float, Tone], ...] = (
    ("p50", 0.5, "ok"),
    ("p95", 0.95, "dead"),
    ("p99", 0.99, "bad"),
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was done in a period. Errors are part of the count; times are in milliseconds, null
    where nothing was done. ``apdex`` is between 0 and 1.
    """

    count: int
    errors: int
    error_share: float | None
    per_minute: float
    total_ms: float
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    most_ms: float | None
    apdex: float | None


@dataclass(frozen=True, slots=True)
class ServiceRow(Numbers):
    """A service by what entered it; it leads to what it does."""

    service: str
    environment: str
    href: str


@dataclass(frozen=True, slots=True)
class OperationRow(Numbers):
    """An operation of a service. ``kind`` is the table that it stands in; ``other``: it stands for
    all those that were too many to be counted each.
    """

    kind: str
    operation: str
    service: str
    category: str
    time_share: float | None
    other: bool
    href: str


def numbers(work: Work, minutes: float, apdex_ms: float) -> Numbers:
    """All that was done, in numbers."""
    return Numbers(**work.told(minutes, apdex_ms))


def service_rows(
    project: Named, found: Sequence[Mapping[str, Any]], query: Mapping[str, Any]
) -> tuple[ServiceRow, ...]:
    """Services as the API tells of them; ``query`` is what links keep."""
    return tuple(
        ServiceRow(
            **{
                **one,
                "service": (one["service"] or "")[:_NAME],
                "environment": (one["environment"] or "")[:_NAME],
            },
            href=links.performance(
                project,
                **{**query, "service": one["service"], "environment": one["environment"]},
            ),
        )
        for one in found
    )


def operation_rows(
    project: Named, found: Sequence[Mapping[str, Any]], query: Mapping[str, Any]
) -> list[OperationRow]:
    """Operations as the API tells of them, in their order."""
    return [
        OperationRow(
            **{
                **one,
                "operation": one["operation"] or "",
                "service": (one["service"] or "")[:_NAME],
                "category": (one["category"] or "")[:_NAME],
            },
            kind=kind_of(one["category"] or ""),
            other=one["operation"] == OTHER,
            href=links.operation(
                project,
                one["operation"] or "",
                **{**query, "service": one["service"], "category": one["category"]},
            ),
        )
        for one in found
    ]


def kind_of(category: str) -> str:
    """The table of a category."""
    return next((name for name, _, categories, _ in KINDS if category in categories), "rest")


def throughput_chart(works: Mapping[datetime, Work], period: Period, what: str) -> Chart:
    """How often something was done, and how often it failed, over a period."""
    times = moments(period)
    counted = [_counts(works.get(at)) for at in times]
    total, failed = sum(every for every, _ in counted), sum(bad for _, bad in counted)
    busiest = max((every for every, _ in counted), default=0.0)
    return Chart(
        f"{total:,.0f} {what}, {failed:,.0f} of them failed; at most {busiest:,.0f} in"
        f" {step_word(period.every)}.",
        labels_of(times),
        (
            Series("went well", tuple(every - bad for every, bad in counted), "busy"),
            Series("failed", tuple(bad for _, bad in counted), "bad"),
        ),
    )


def duration_chart(works: Mapping[datetime, Work], period: Period) -> Chart:
    """How long it took over a period, by quantiles; a gap where nothing was done."""
    times = moments(period)
    lines = tuple(
        Series(name, tuple(_quantile(works.get(at), share) for at in times), tone)
        for name, share, tone in _QUANTILES
    )
    known = [value for value in lines[1].values if value is not None]
    sentence = "Nothing was timed in this period."
    if known:
        sentence = (
            f"The 95th percentile went from {milliseconds(known[0])} to {milliseconds(known[-1])};"
            f" at most {milliseconds(max(known))}."
        )
    return Chart(sentence, labels_of(times), lines, kind="line", unit="ms")


def histogram(every: Distribution) -> Chart | None:
    """How many took how long, in steps that grow; null of none that was timed."""
    if not every.bins:
        return None
    least = every.least if every.least is not None else every.quantile(0.0) or 0.0
    most = every.most if every.most is not None else every.quantile(1.0) or 0.0
    edges = edges_of(least, most)
    below = [every.below(edge) for edge in edges]
    below[-1] = float(sum(every.bins.values()))
    counts = [below[0], *(after - before for before, after in pairwise(below))]
    fullest = max(range(len(counts)), key=counts.__getitem__)
    labels = tuple(f"up to {milliseconds(edge)}" for edge in edges)
    return Chart(
        f"Of {below[-1]:,.0f} most, {counts[fullest]:,.0f}, took {labels[fullest]}; the longest"
        f" took {milliseconds(most)}.",
        labels,
        (Series("how many", tuple(counts), "busy"),),
        axis="How long",
    )


def edges_of(least: float, most: float) -> list[float]:
    """Round numbers of milliseconds, the first at or above ``least``, the last at or above
    ``most``.
    """
    first = min(bisect_left(_EDGES, least), len(_EDGES) - 1)
    return [*_EDGES[first : bisect_left(_EDGES, most) + 1]] or [_EDGES[-1]]


def moments(period: Period) -> list[datetime]:
    """The times of a chart's points, as the counts by the minute have them."""
    step = 60 * period.every
    first = int(period.start.timestamp()) // step
    after = -(-int(period.end.timestamp()) // step)
    return [datetime.fromtimestamp(at * step, period.start.tzinfo) for at in range(first, after)]


def labels_of(times: Sequence[datetime]) -> tuple[str, ...]:
    """Times as labels, in UTC: with the day where they are of more than one."""
    days = {f"{at:%Y-%m-%d}" for at in times}
    form = "%m-%d %H:%M" if len(days) > 1 else "%H:%M"
    return tuple(f"{at:{form}}" for at in times)


def step_word(minutes: int) -> str:
    """How long a step is: ``a minute``, ``10 min``, ``6 h``."""
    if minutes < 60:
        return "a minute" if minutes == 1 else f"{minutes} min"
    return "an hour" if minutes == 60 else f"{minutes // 60} h"


def _counts(work: Work | None) -> tuple[float, float]:
    return (0.0, 0.0) if work is None else (work.all.count, work.failed)


def _quantile(work: Work | None, share: float) -> float | None:
    value = None if work is None else work.all.quantile(share)
    return None if value is None else round(value, 3)
