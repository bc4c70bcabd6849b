"""Application performance: what services do, how often, how fast, and how often it fails.

From what SQL counted by the minute, so all counts are exact; quantiles are within 1 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
from storage.sql.minutes import Minutes, Snapshot, Span, Sum

#: Categories of what enters a service: its requests and jobs.
ENTRIES = ("http.server", "queue", "rpc", "server")
_FAILED = "error"
#: By what sums tell of operations, and of services.
OF_OPERATION = ("name", "service", "category", "status")
OF_SERVICE = ("service", "environment", "status")

Operation = tuple[str | None, ...]
"""A name, the service and the category."""


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


_ORDERS: dict[str, Callable[[Work], float | None]] = {
    "total": lambda work: work.all.total,
    "count": lambda work: work.all.count,
    "errors": lambda work: work.failed,
    "p95": lambda work: work.all.quantile(0.95),
    "mean": lambda work: work.all.mean,
}


class Whole(NamedTuple):
    """All that was done in a time: ``entries`` are sums of what entered services, or of all work
    where nothing did; ``operations`` those of all, which may have no distribution; ``chosen`` those
    of some operations, with it.
    """

    span: Span
    entries: Sequence[Sum]
    operations: Sequence[Sum]
    chosen: Sequence[Sum]


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
    sort, limit = arguments["sort"], arguments["limit"]
    whole = work_of(desk, arguments, sort, lambda sums: ranked(sums, sort)[:limit])
    return {"items": operations(whole, arguments["apdex_ms"], sort), "next_cursor": None}


def sums_of(
    desk: Desk, arguments: Arguments, by: Sequence[str], *, whole: bool = True
) -> tuple[Span, Sequence[Sum]]:
    """The time asked for, and what its spans add up to by labels or ``name``, whole or in steps."""
    span = minutes_of(desk, arguments, whole=whole)
    found = desk.stores.spans_counted.sums(
        project_of(desk, arguments),
        span,
        by=by,
        name=arguments.get("operation"),
        labels=_labels(arguments),
    )
    return span, found


def entries_of(
    desk: Desk, arguments: Arguments, by: Sequence[str], *, whole: bool = True
) -> tuple[Span, Sequence[Sum]]:
    """The same of what entered services; of all work where nothing did."""
    span = minutes_of(desk, arguments, whole=whole)
    with desk.stores.spans_counted.snapshot(project_of(desk, arguments)) as snapshot:
        return span, _entries(snapshot, span, by, _labels(arguments))


def work_of(
    desk: Desk,
    arguments: Arguments,
    sort: str,
    choose: Callable[[Sequence[Sum]], Collection[Operation]],
) -> Whole:
    """All that was done in the time asked for, at one moment; of the operations that are chosen by
    the sums of all, how long they took.

    The distributions of all operations are read only where they are needed to put them in order.
    """
    span, labels = minutes_of(desk, arguments, whole=True), _labels(arguments)
    with desk.stores.spans_counted.snapshot(project_of(desk, arguments)) as snapshot:
        every = snapshot.sums(span, by=OF_OPERATION, labels=labels, quantiles=sort == "p95")
        return Whole(
            span,
            _entries(snapshot, span, OF_SERVICE, labels),
            every,
            snapshot.sums(span, by=OF_OPERATION, labels=labels, among=choose(every)),
        )


def _entries(
    snapshot: Snapshot, span: Span, by: Sequence[str], labels: Mapping[str, str]
) -> Sequence[Sum]:
    found = snapshot.sums(span, by=by, labels=labels, one_of=("category", ENTRIES))
    return found or snapshot.sums(span, by=by, labels=labels)


def _labels(arguments: Arguments) -> dict[str, str]:
    return labels_of(arguments, service="service", category="category", environment="environment")


def ranked(sums: Sequence[Sum], sort: str) -> list[Operation]:
    """Operations in an order, from sums by :data:`OF_OPERATION`."""
    by = _ORDERS[sort]
    found = {key[:3]: work for key, work in works(sums, 3).items()}
    return sorted(found, key=lambda operation: -(by(found[operation]) or 0))


def operations(whole: Whole, apdex_ms: float, sort: str) -> list[dict[str, Any]]:
    """The chosen operations, in an order."""
    total = sum(one.value.total for one in whole.operations)
    minutes = whole.span.after - whole.span.first
    chosen = {key[:3]: work for key, work in works(whole.chosen, 3).items()}
    return [
        {
            **dict(zip(("operation", "service", "category"), operation, strict=True)),
            **chosen[operation].told(minutes, apdex_ms),
            "time_share": chosen[operation].all.total / total if total else None,
        }
        for operation in ranked(whole.chosen, sort)
    ]


def list_services(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /apm/services: what entered each service, by its requests and jobs."""
    narrow = {name: arguments[name] for name in ("project", "start", "end", "environment")}
    span, sums = entries_of(desk, narrow, OF_SERVICE)
    return {"items": services(sums, span, arguments["apdex_ms"]), "next_cursor": None}


def services(sums: Sequence[Sum], span: Span, apdex_ms: float) -> list[dict[str, Any]]:
    """Services from sums by :data:`OF_SERVICE` of what entered them, the busiest first."""
    items = [
        {
            "service": service,
            "environment": environment,
            **work.told(span.after - span.first, apdex_ms),
        }
        for (service, environment, _), work in works(sums, 2).items()
    ]
    return sorted(items, key=lambda item: -item["count"])


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
