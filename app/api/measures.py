"""Metrics over time, hosts, and release health."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from app.api import telemetry_answers as answers
from app.api.answers import page_of
from app.api.apm import limits
from app.api.arguments import bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.releases import HEALTH_DAYS
from app.api.telemetry_arguments import (
    HealthArguments,
    MetricArguments,
    Ranged,
    minutes_of,
    project_of,
    time_of,
)
from app.api.times import iso
from app.errors import not_found
from storage.sql.minutes import Span, Sum

_MAX_SERIES = 100
_MAX_HOSTS = 200


def list_metrics(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /metrics: what is measured, and by which labels."""
    project_id = project_of(desk, arguments)
    minutes = desk.stores.metrics_counted
    return {
        "items": [one._asdict() for one in minutes.known(project_id)],
        "labels": minutes.labels(project_id),
        "limited": limits(desk, minutes, arguments),
        "next_cursor": None,
    }


def read_metric(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /metrics/{metric}. What accumulates is told by what it gained."""
    project_id = project_of(desk, arguments)
    minutes, name = desk.stores.metrics_counted, arguments["metric"]
    span, sums = metric_sums(desk, arguments)
    if not sums and all(one.name != name for one in minutes.known(project_id)):
        raise not_found("metric")
    return {
        "name": name,
        "every_minutes": span.every,
        "series": [
            {"value": value, "points": [_point(one) for one in sorted(members, key=_time)]}
            for value, members in series_of(sums)[:_MAX_SERIES]
        ],
        "labels": minutes.labels(project_id, name),
        "limited": limits(desk, minutes, arguments),
    }


def metric_sums(desk: Desk, arguments: Arguments) -> tuple[Span, list[Sum]]:
    """The time asked for, and what a metric adds up to in its steps, by the label asked by."""
    span = minutes_of(desk, arguments)
    by = [arguments["by"]] if arguments["by"] else []
    return span, desk.stores.metrics_counted.sums(
        project_of(desk, arguments),
        span,
        by=by,
        name=arguments["metric"],
        labels=_labels(arguments),
    )


def series_of(sums: Iterable[Sum]) -> list[tuple[str | None, list[Sum]]]:
    """Sums by the value of the label that they were asked by, those with most values first."""
    series: dict[str | None, list[Sum]] = defaultdict(list)
    for one in sums:
        series[one.groups[0] if one.groups else None].append(one)
    return sorted(series.items(), key=lambda pair: -sum(one.value.count for one in pair[1]))


def _labels(arguments: Arguments) -> dict[str, str]:
    wanted = {"environment": arguments["environment"]} if arguments["environment"] else {}
    if arguments["label"]:
        name, colon, value = arguments["label"].partition(":")
        if not colon or not name:
            raise bad_argument("label", "is a name, a colon and a value")
        wanted[name] = value
    return wanted


def _time(one: Sum) -> Any:
    return one.at


def _point(one: Sum) -> dict[str, Any]:
    value = one.value
    return {
        "at": iso(one.at),
        "count": value.count,
        "sum": value.total,
        "mean": value.mean,
        "least": value.least,
        "most": value.most,
        "p50": value.quantile(0.5),
        "p95": value.quantile(0.95),
        "p99": value.quantile(0.99),
    }


def list_hosts(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /hosts: each with the levels it told of last."""
    return {"items": hosts(host_sums(desk, arguments))[:_MAX_HOSTS], "next_cursor": None}


def host_sums(desk: Desk, arguments: Arguments) -> list[Sum]:
    """The levels of a time by host, name and service."""
    return desk.stores.metrics_counted.sums(
        project_of(desk, arguments),
        minutes_of(desk, arguments),
        by=("host", "name", "service"),
        kind="gauge",
    )


def hosts(sums: Iterable[Sum]) -> list[dict[str, Any]]:
    """Hosts by name, from levels by host, name and service."""
    found: dict[str, list[Sum]] = defaultdict(list)
    for one in sums:
        if one.groups[0] is not None:
            found[one.groups[0]].append(one)
    return [_host(name, members) for name, members in sorted(found.items())]


def _host(name: str, members: list[Sum]) -> dict[str, Any]:
    last: dict[str | None, Sum] = {}
    for one in sorted(members, key=_time):
        last[one.groups[1]] = one
    return {
        "host": name,
        "services": sorted({one.groups[2] for one in members if one.groups[2]}),
        "last_at": iso(max(one.at for one in members)),
        "levels": [{"name": metric, **_point(one)} for metric, one in last.items()],
    }


def list_releases(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /releases/health."""
    start, end = time_of(desk, arguments, timedelta(days=HEALTH_DAYS))
    source, found = desk.stores.health.of(
        project_of(desk, arguments),
        start,
        end,
        version=arguments["version"],
        environment=arguments["environment"],
    )
    items = [
        {
            **one._asdict(),
            "day": one.day and one.day.isoformat(),
            "crash_free_sessions": one.crash_free_sessions,
            "crash_free_users": one.crash_free_users,
        }
        for one in found
    ]
    return {"source": source, "items": items, "next_cursor": None}


ENDPOINTS = (
    Endpoint(
        "/metrics",
        "list_metrics",
        "What is measured, and by which labels",
        list_metrics,
        answers.Metrics,
        Ranged,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/metrics/<path:metric>",
        "read_metric",
        "A metric over time",
        read_metric,
        answers.MetricSeries,
        MetricArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/hosts",
        "list_hosts",
        "Hosts, with the levels that each told of last",
        list_hosts,
        page_of(answers.Host),
        Ranged,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/releases/health",
        "list_release_health",
        "Crash-free sessions and users of each version and day",
        list_releases,
        answers.Releases,
        HealthArguments,
        scope="filtered",
        needs="read",
    ),
)
