"""Metrics and hosts as pages show them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.dashboard import links
from app.dashboard.amounts import count, measured
from app.dashboard.charts import Chart, Series, Tone
from app.dashboard.links import Named
from app.dashboard.telemetry.period import Period
from app.dashboard.telemetry.work import labels_of, moments, step_word
from storage.distribution import Distribution, together
from storage.sql.minutes import Known, Sum

_NAME = 200
_LEVELS = 5
_REMARK = re.compile(r"\{([^{}]*)\}")
#: Of a host's levels those are told first whose names have one of these.
_FIRST = ("cpu", "memory", "load", "filesystem", "disk")
_TONES: tuple[Tone, ...] = ("ok", "dead", "bad", "plain")
_QUANTILES: tuple[tuple[str, float], ...] = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


@dataclass(frozen=True, slots=True)
class Level:
    """What a gauge stood at last: the mean of the last step in which it told."""

    name: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host with the levels that tell most; ``more`` are on its page."""

    host: str
    href: str
    services: tuple[str, ...]
    last_at: str
    levels: tuple[Level, ...]
    more: int


@dataclass(frozen=True, slots=True)
class MetricRow:
    """What is measured under a name, in how many series."""

    name: str
    href: str
    kind: str
    unit: str
    series: int


@dataclass(frozen=True, slots=True)
class ValueRow:
    """What series of a label's value add up to; it leads to them alone. Without a label it is all
    of the metric.
    """

    value: str
    href: str
    count: float
    total: float
    mean: float | None
    least: float | None
    most: float | None
    p95: float | None


def host_rows(
    project: Named,
    found: Sequence[Mapping[str, Any]],
    units: Mapping[str, str],
    query: Mapping[str, Any],
) -> list[HostRow]:
    """Hosts as the API tells of them, those that told last first."""
    rows = [_host(project, one, units, query) for one in found]
    return sorted(rows, key=lambda row: row.last_at, reverse=True)


def _host(
    project: Named, one: Mapping[str, Any], units: Mapping[str, str], query: Mapping[str, Any]
) -> HostRow:
    levels = sorted(one["levels"], key=lambda level: weight_of(level["name"] or ""))
    return HostRow(
        one["host"][:_NAME],
        links.host(project, one["host"], **query),
        tuple(name[:_NAME] for name in one["services"]),
        one["last_at"],
        tuple(
            Level((level["name"] or "")[:_NAME], level["mean"], units.get(level["name"] or "", ""))
            for level in levels[:_LEVELS]
        ),
        max(0, len(levels) - _LEVELS),
    )


def weight_of(name: str) -> tuple[int, str]:
    """Where a level stands among those of its host."""
    found = (place for place, part in enumerate(_FIRST) if part in name)
    return next(found, len(_FIRST)), name


def unit_of(known: Known) -> str:
    """A metric's unit as it is written; UCUM's ``1`` says that there is none, and what it has in
    braces is but a remark: ``{request}``.
    """
    unit = known.unit or ""
    remark = _REMARK.fullmatch(unit)
    return remark[1] if remark else "" if unit == "1" else unit


def metric_rows(project: Named, known: Sequence[Known]) -> list[MetricRow]:
    """Names under which something is measured."""
    return [
        MetricRow(
            one.name[:_NAME],
            links.metric(project, one.name),
            one.kind,
            unit_of(one),
            one.series,
        )
        for one in known
    ]


def level_chart(name: str, unit: str, sums: Sequence[Sum], period: Period) -> Chart:
    """How a gauge stood over a period: its mean, and its ends."""
    found = _by_time(sums)
    times = moments(period)
    values = tuple(_rounded(found[at].mean if at in found else None) for at in times)
    known = [value for value in values if value is not None]
    sentence = f"{name} did not tell in this period."
    if known:
        last, most = measured(known[-1], unit), measured(max(known), unit)
        sentence = f"{name} stood at {last} last; at most {most}."
    return Chart(sentence, labels_of(times), (Series("mean", values, "ok"),), "line", unit=unit)


def metric_charts(
    kind: str, unit: str, series: Sequence[tuple[str, Sequence[Sum]]], period: Period
) -> tuple[Chart, ...]:
    """A metric over a period, of at most :data:`DRAWN` series: amounts by the minute, levels, or
    how measurements are distributed.
    """
    if not series:
        return ()
    if kind == "counter":
        return (_amounts(unit, series, period),)
    if kind == "gauge":
        return (_lines("mean", unit, series, period, lambda value: value.mean),)
    if len(series) > 1:
        return (_lines("p95", unit, series, period, lambda value: value.quantile(0.95)),)
    return _distribution(unit, series[0][1], period)


#: So many series of a metric are drawn.
DRAWN = len(_TONES)


def _amounts(unit: str, series: Sequence[tuple[str, Sequence[Sum]]], period: Period) -> Chart:
    times = moments(period)
    drawn = []
    for (name, sums), tone in zip(series, _TONES, strict=False):
        found = _by_time(sums)
        values = (found[at].total if at in found else 0.0 for at in times)
        drawn.append(Series(name or "amount", tuple(_rounded(v) for v in values), tone))
    total = sum(value or 0.0 for one in drawn for value in one.values)
    return Chart(
        f"{count(round(total, 2))} in all, counted by {step_word(period.every)}.",
        labels_of(times),
        tuple(drawn),
        unit=unit,
    )


def _lines(
    what: str,
    unit: str,
    series: Sequence[tuple[str, Sequence[Sum]]],
    period: Period,
    read: Callable[[Distribution], float | None],
) -> Chart:
    times = moments(period)
    drawn = []
    for (name, sums), tone in zip(series, _TONES, strict=False):
        found = _by_time(sums)
        values = (_rounded(read(found[at])) if at in found else None for at in times)
        drawn.append(Series(name or what, tuple(values), tone))
    known = [value for one in drawn for value in one.values if value is not None]
    ends = f"between {count(min(known))} and {count(max(known))}" if known else "unknown"
    return Chart(f"The {what}, {ends}.", labels_of(times), tuple(drawn), "line", unit=unit)


def _distribution(unit: str, sums: Sequence[Sum], period: Period) -> tuple[Chart, ...]:
    times, found = moments(period), _by_time(sums)
    lines = tuple(
        Series(
            name,
            tuple(_rounded(found[at].quantile(share)) if at in found else None for at in times),
            tone,
        )
        for (name, share), tone in zip(_QUANTILES, _TONES, strict=False)
    )
    counts = tuple(found[at].count if at in found else 0.0 for at in times)
    return (
        Chart("Quantiles of the measurements.", labels_of(times), lines, "line", unit=unit),
        Chart(
            f"{count(round(sum(counts), 2))} measurements.",
            labels_of(times),
            (Series("how many", counts, "busy"),),
        ),
    )


def value_row(value: str, href: str, sums: Sequence[Sum]) -> ValueRow:
    """All of a period of some series."""
    whole = together(one.value for one in sums)
    return ValueRow(
        value[:_NAME],
        href,
        whole.count,
        whole.total,
        _rounded(whole.mean),
        _rounded(whole.least),
        _rounded(whole.most),
        _rounded(whole.quantile(0.95)),
    )


def _by_time(sums: Sequence[Sum]) -> dict[datetime, Distribution]:
    return {one.at: one.value for one in sums}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
