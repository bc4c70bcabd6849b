"""Performance: what a project's services do, how often, how fast, and how often it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from marshmallow import fields, validate

from app.api.apm import (
    Operation,
    Whole,
    Work,
    entries_of,
    operations,
    ranked,
    services,
    work_of,
    works,
)
from app.dashboard import links
from app.dashboard.charts import Chart
from app.dashboard.gaps import TOO_LONG
from app.dashboard.links import Named
from app.dashboard.page import Page, Place, Tab, Visit
from app.dashboard.telemetry.limits import Limit, limit_of
from app.dashboard.telemetry.period import Choice, Period, PeriodArguments, period_of
from app.dashboard.telemetry.work import (
    KINDS,
    Numbers,
    OperationRow,
    ServiceRow,
    duration_chart,
    kind_of,
    numbers,
    operation_rows,
    service_rows,
    throughput_chart,
)
from storage.sql.minutes import Span, Sum

T = TypeVar("T")

OF = "apm"
"""The name of the page that all tabs of what services tell of themselves stand beside."""
HOURS = 1
APDEX_MS = 500.0
_CHARS, _KNOWN, _WORD = 200, 50, 60
_SERVICES, _OF_KIND = 20, 50
_SORT = "total"
SORTS = {
    _SORT: "time spent",
    "p95": "95th percentile",
    "mean": "mean",
    "count": "how often",
    "errors": "errors",
}
_CHOSEN = ("service", "environment")


class WorkArguments(PeriodArguments):
    """Of which service and environment, and what a satisfied caller waits for, in milliseconds."""

    service = fields.String(load_default=None, validate=validate.Length(max=_CHARS))
    environment = fields.String(load_default=None, validate=validate.Length(max=_CHARS))
    apdex_ms = fields.Float(
        data_key="apdex", load_default=APDEX_MS, validate=validate.Range(min=1, max=3_600_000)
    )


class ApmArguments(WorkArguments):
    """Which tables, and their order: ``kind`` is one of them, with more of its rows."""

    kind = fields.String(load_default=None, validate=validate.OneOf([kind[0] for kind in KINDS]))
    sort = fields.String(load_default=_SORT, validate=validate.OneOf(SORTS))


@dataclass(frozen=True, slots=True)
class KindView:
    """A table of operations: how many there are, and where all of them are."""

    name: str
    title: str
    found: int
    href: str


@dataclass(frozen=True, slots=True)
class ApmView:
    """The work of a period; ``whole`` is null when there was none, or it is not ``told``. ``known``
    are services and environments to choose. ``operations`` are those of all ``kinds``, in their
    tables' order.
    """

    title: str
    period: Period
    periods: tuple[Choice, ...]
    filters: dict[str, Any]
    clear_href: str
    known: dict[str, tuple[tuple[str, str], ...]]
    apdex_ms: float
    told: bool
    whole: Numbers | None
    services: tuple[ServiceRow, ...]
    services_more: int
    throughput: Chart | None
    durations: Chart | None
    kinds: tuple[KindView, ...]
    operations: tuple[OperationRow, ...]
    sorts: tuple[Choice, ...]
    limit: Limit


def apm(visit: Visit) -> ApmView:
    """The work that the arguments ask for; raises ``ApiError`` 400 and ``StoreDown``."""
    project, counted = visit.of_project, visit.desk.stores.spans_counted
    period, wanted = asked_of(visit)
    kind, sort = visit.arguments["kind"], visit.arguments["sort"]
    work = told_in_time(
        visit,
        "services and operations",
        lambda: work_of(visit.desk, wanted, sort, lambda sums: shown_of(ranked(sums, sort), kind)),
    )
    timed = work and told_in_time(
        visit,
        "how it went over time",
        lambda: entries_of(visit.desk, wanted, ("status",), whole=False),
    )
    found = Found(work, timed and timed[1], counted.labels(project.id))
    limit = limit_of(counted.limited(project.id), work.operations if work else ())
    return apm_view(project, period, visit.arguments, found, limit)


def told_in_time(visit: Visit, part: str, read: Callable[[], T]) -> T | None:
    """What SQL adds up; null, and the gap is noted, when that takes too long."""
    return visit.gaps.fill(part, read, None, TOO_LONG)


@dataclass(frozen=True, slots=True)
class Found:
    """What work adds up to: as a whole, with the operations that are shown; ``timed`` what entered
    services by status in the period's steps; both null where it was not told. ``labels`` are all
    that there are.
    """

    work: Whole | None
    timed: Sequence[Sum] | None
    labels: Mapping[str, Sequence[str]]


def asked_of(visit: Visit) -> tuple[Period, dict[str, Any]]:
    """The period, and what the API is asked with."""
    period, asked = period_of(visit, HOURS), visit.arguments
    return period, {**asked, **period.arguments, "project": visit.of_project.name}


def kept_of(period: Period, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What links from one page of work to another keep."""
    apdex = asked["apdex_ms"]
    own = {name: asked[name] for name in ("service", "environment")}
    return {**period.query, **own, "apdex": apdex if apdex != APDEX_MS else None}


def apm_view(
    project: Named, period: Period, asked: Mapping[str, Any], found: Found, limit: Limit
) -> ApmView:
    """The page of what was found; pure."""
    kept, apdex_ms, sort = kept_of(period, asked), asked["apdex_ms"], asked["sort"]
    here = {**kept, "kind": asked["kind"], "sort": sort if sort != _SORT else None}
    work = found.work or Whole(Span(0, 1, 1), (), (), ())
    minutes = work.span.after - work.span.first
    whole = next(iter(works(_by_status(work.entries), 0).values()), None)
    over_time = over_time_of(found.timed or ())
    listed = services(work.entries, work.span, apdex_ms)
    shown = operation_rows(project, operations(work, apdex_ms, sort), kept)
    kinds = _tables(project, ranked(work.operations, sort), here)
    return ApmView(
        title="Performance",
        period=period,
        periods=period.choices(lambda times: links.performance(project, **_at(here, times))),
        filters={name: asked[name] for name in ("service", "environment", "kind", "sort")},
        clear_href=links.performance(project, **period.query),
        known={name: _choices(found.labels.get(name, ()), asked[name]) for name in _CHOSEN},
        apdex_ms=apdex_ms,
        told=found.work is not None,
        whole=numbers(whole, minutes, apdex_ms) if whole else None,
        services=service_rows(project, listed[:_SERVICES], kept),
        services_more=max(0, len(listed) - _SERVICES),
        throughput=throughput_chart(over_time, period, "requests and jobs")
        if found.timed is not None
        else None,
        durations=duration_chart(over_time, period) if found.timed is not None else None,
        kinds=kinds,
        operations=tuple(one for kind in kinds for one in shown if one.kind == kind.name),
        sorts=tuple(
            Choice(word, links.performance(project, **{**here, "sort": one}), one == sort)
            for one, word in SORTS.items()
        ),
        limit=limit,
    )


def over_time_of(sums: Sequence[Sum]) -> dict[datetime, Work]:
    """Work by time, from sums by status."""
    return {at: work for (at,), work in works(sums, 0).items()}


def shown_of(ordered: Sequence[Operation], kind: str | None) -> list[Operation]:
    """Of operations in their order the first of each table, or more of the one asked for."""
    shown: list[Operation] = []
    for name, _, _, most in KINDS:
        if kind in (None, name):
            of_kind = [one for one in ordered if kind_of(one[2] or "") == name]
            shown += of_kind[: _OF_KIND if kind else most]
    return shown


def _by_status(sums: Sequence[Sum]) -> list[Sum]:
    """Sums of services by their status alone; those that are alike then stay apart."""
    return [Sum(one.groups[2:], one.at, one.value) for one in sums]


def _choices(values: Sequence[str], chosen: str | None) -> tuple[tuple[str, str], ...]:
    """Values to choose one of, or all, with their words; the chosen one is among them."""
    known = dict.fromkeys([*([chosen] if chosen else []), *values[:_KNOWN]])
    return (("", "all"), *((one, one[:_WORD]) for one in sorted(known)))


def _at(query: Mapping[str, Any], times: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a link with another time."""
    return {**{k: v for k, v in query.items() if k not in ("hours", "from", "to")}, **times}


def _tables(
    project: Named, ordered: Sequence[Operation], here: Mapping[str, Any]
) -> tuple[KindView, ...]:
    """The tables that have operations, or the one that is asked for."""
    found = Counter(kind_of(category or "") for _, _, category in ordered)
    return tuple(
        KindView(name, title, found[name], links.performance(project, **{**here, "kind": name}))
        for name, title, _, _ in KINDS
        if here["kind"] in (None, name) and found[name]
    )


PAGES = (
    Page(
        "/p/<project>/apm",
        OF,
        apm,
        "pages/apm.html",
        ApmArguments,
        needs="read",
        table="operations",
        place=Place("Performance", key="p"),
        tab=Tab("Performance", OF),
        live=True,
    ),
)
