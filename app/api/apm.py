"""Application performance: what services do, how often, how fast, and how often it fails.

From what SQL counted by the minute, so all counts are exact; quantiles are within 1 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from app.api import telemetry_answers as answers
from app.api.answers import page_of
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.telemetry_arguments import (
    OperationArguments,
    SeriesArguments,
    labels_of,
    minutes_of,
    project_of,
)
from app.api.times import iso
from storage.distribution import Distribution, together
from storage.sql.minutes import Minutes, Span, Sum

#: Categories of what enters a service: its requests and jobs.
ENTRIES = ("http.server", "queue", "rpc", "server")
_FAILED = "error"
_SORTS = {
    "total": "total_ms",
    "count": "count",
    "errors": "errors",
    "p95": "p95_ms",
    "mean": "mean_ms",
}


class Work(NamedTuple):
    """What was done under one name: all of it, and what of it failed."""

    all: Distribution
    failed: float

    def told(self, minutes: float, apdex_ms: float) -> dict[str, Any]:
        """In numbers for a person. ``minutes`` is how long it was watched."""
        every = self.all
        return {
            "count": round(every.count),
            "errors": round(self.failed),
            "error_share": self.failed / every.count if every.count else None,
            "per_minute": every.count / minutes,
            "total_ms": every.total,
            "mean_ms": every.mean,
            "p50_ms": every.quantile(0.5),
            "p95_ms": every.quantile(0.95),
            "p99_ms": every.quantile(0.99),
            "most_ms": every.most,
            "apdex": apdex(every, self.failed, apdex_ms),
        }


def apdex(every: Distribution, failed: float, satisfied_ms: float) -> float | None:
    """The share of satisfied callers, and half of those who tolerate up to four times as long
    (Apdex Technical Specification 1.1). Who met an error is frustrated, however fast it came:
    errors are taken off those who would else be satisfied.
    """
    if not every.count:
        return None
    satisfied = every.below(satisfied_ms)
    tolerating = every.below(4 * satisfied_ms) - satisfied
    return max(0.0, (satisfied + tolerating / 2 - failed) / every.count)


def works(sums: Iterable[Sum], status: int) -> dict[tuple[Any, ...], Work]:
    """Sums by their groups less the status (at this place), and time."""
    parts: dict[tuple[Any, ...], list[Sum]] = defaultdict(list)
    for one in sums:
        parts[(*one.groups[:status], *one.groups[status + 1 :], one.at)].append(one)
    return {key: _work(members, status) for key, members in parts.items()}


def _work(members: Sequence[Sum], status: int) -> Work:
    failed = sum(one.value.count for one in members if one.groups[status] == _FAILED)
    return Work(together(one.value for one in members), failed)


def list_operations(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /apm/operations: the slowest, busiest or most failing, of all kinds of work or one."""
    span, sums = sums_of(desk, arguments, by=("name", "service", "category", "status"))
    items = operations(sums, span, arguments["apdex_ms"], arguments["sort"])
    return {"items": items[: arguments["limit"]], "next_cursor": None}


def sums_of(
    desk: Desk, arguments: Arguments, by: Sequence[str], *, whole: bool = True
) -> tuple[Span, Sequence[Sum]]:
    """The time asked for, and what its spans add up to by labels or ``name``, whole or in steps."""
    span = minutes_of(desk, arguments, whole=whole)
    labels = labels_of(arguments, service="service", category="category", environment="environment")
    name = arguments.get("operation")
    found = desk.stores.spans_counted.sums(
        project_of(desk, arguments), span, by=by, name=name, labels=labels
    )
    return span, found


def operations(sums: Iterable[Sum], span: Span, apdex_ms: float, sort: str) -> list[dict[str, Any]]:
    """Operations from sums by name, service, category and status, in an order."""
    found = works(sums, 3)
    whole = sum(work.all.total for work in found.values())
    items: list[dict[str, Any]] = []
    for (name, service, category, _), work in found.items():
        told = work.told(span.after - span.first, apdex_ms)
        share = work.all.total / whole if whole else None
        named = {"operation": name, "service": service, "category": category}
        items.append({**named, **told, "time_share": share})
    by = _SORTS[sort]
    return sorted(items, key=lambda item: -(item[by] or 0))


def list_services(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /apm/services: what entered each service, by its requests and jobs."""
    narrow = {name: arguments[name] for name in ("project", "start", "end", "environment")}
    span, sums = sums_of(desk, narrow, by=("service", "environment", "category", "status"))
    items = services(sums, span, arguments["apdex_ms"])
    return {"items": items, "next_cursor": None}


def services(sums: Sequence[Sum], span: Span, apdex_ms: float) -> list[dict[str, Any]]:
    """Services from sums by service, environment, category and status, the busiest first."""
    parts = [Sum((*one.groups[:2], one.groups[3]), one.at, one.value) for one in entered(sums, 2)]
    items = [
        {
            "service": service,
            "environment": environment,
            **work.told(span.after - span.first, apdex_ms),
        }
        for (service, environment, _), work in works(parts, 2).items()
    ]
    return sorted(items, key=lambda item: -item["count"])


def entered(sums: Sequence[Sum], category: int) -> Sequence[Sum]:
    """Of sums with a category at this place what came from outside; all where nothing did."""
    return [one for one in sums if one.groups[category] in ENTRIES] or sums


def read_series(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /apm/series: the same over time, a point for every so many minutes."""
    span, sums = sums_of(desk, arguments, ("status",), whole=False)
    points = {
        at: work.told(span.every, arguments["apdex_ms"]) for (at,), work in works(sums, 0).items()
    }
    return {
        "project": desk.names.name(project_of(desk, arguments)),
        "every_minutes": span.every,
        "points": [{"at": iso(at), **points[at]} for at in sorted(points, key=_by_time)],
        "limited": limits(desk, desk.stores.spans_counted, arguments),
    }


def _by_time(at: datetime) -> datetime:
    return at


def limits(desk: Desk, minutes: Minutes, arguments: Arguments) -> dict[str, Any]:
    """Whether some of it is counted as "other", since there were too many series."""
    limited = minutes.limited(project_of(desk, arguments))
    return {"times": limited.times, "last_at": iso(limited.last_at)}


ENDPOINTS = (
    Endpoint(
        "/apm/services",
        "list_services",
        "Services: throughput, errors, durations, Apdex",
        list_services,
        page_of(answers.Service),
        OperationArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/apm/operations",
        "list_operations",
        "Operations: requests, queries, external calls, whatever is timed",
        list_operations,
        page_of(answers.Operation),
        OperationArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/apm/series",
        "read_apm_series",
        "Throughput, errors, durations and Apdex over time",
        read_series,
        answers.WorkSeries,
        SeriesArguments,
        scope="filtered",
        needs="read",
    ),
)
