"""Hosts and services: how they are; and one host, by the levels that it tells of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from app.api.apm import OF_SERVICE, entries_of, services
from app.api.measures import host_sums, hosts
from app.dashboard import links
from app.dashboard.charts import Chart
from app.dashboard.page import Page, Tab, Visit
from app.dashboard.pages.apm import APDEX_MS, OF, told_in_time
from app.dashboard.telemetry.limits import Limit, limit_of
from app.dashboard.telemetry.measures import HostRow, host_rows, level_chart, unit_of, weight_of
from app.dashboard.telemetry.period import Choice, Period, PeriodArguments, period_of
from app.dashboard.telemetry.work import ServiceRow, service_rows, step_word
from app.errors import not_found
from storage.sql.minutes import Span, Sum

_HOURS = 1
_HOSTS, _SERVICES, _CHARTS = 50, 30, 8
#: The last level of a host is the mean of such a part of the period.
_PARTS = 4


class HostArguments(PeriodArguments):
    """Which host. A name may be anything, so it is no part of the path."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=200))


@dataclass(frozen=True, slots=True)
class HealthView:
    """Hosts that told of levels in a period, of ``hosts_found``, and services by what entered
    them. When a host told last is known to so long a time: ``told_to``.
    """

    title: str
    period: Period
    periods: tuple[Choice, ...]
    hosts_told: bool
    hosts: tuple[HostRow, ...]
    hosts_found: int
    told_to: str
    services_told: bool
    services: tuple[ServiceRow, ...]
    services_found: int
    limit: Limit


@dataclass(frozen=True, slots=True)
class LevelView:
    """A level of a host over time; it leads to the metric with all its labels."""

    name: str
    href: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class HostView:
    """A host: its first levels as charts, and the ways to the others; none where they are not
    ``told``.
    """

    title: str
    host: str
    period: Period
    periods: tuple[Choice, ...]
    services: tuple[str, ...]
    told: bool
    levels: tuple[LevelView, ...]
    more: tuple[tuple[str, str], ...]
    back_href: str
    limit: Limit


def health(visit: Visit) -> HealthView:
    """The hosts and services of a project; raises ``ApiError`` 400 and ``StoreDown``."""
    project, stores = visit.of_project, visit.desk.stores
    period = period_of(visit, _HOURS)
    minutes = (period.end - period.start).total_seconds() / 60
    step = max(1, int(minutes / _PARTS))
    wanted = {**period.arguments, "project": project.name, "every": step}
    levels = told_in_time(visit, "hosts", lambda: host_sums(visit.desk, wanted))
    work = told_in_time(visit, "services", lambda: entries_of(visit.desk, wanted, OF_SERVICE))
    units = {one.name: unit_of(one) for one in stores.metrics_counted.known(project.id)}
    found = host_rows(project, hosts(levels or ()), units, period.query)
    served = services(work[1], work[0], APDEX_MS) if work else []
    return HealthView(
        "Hosts and services",
        period,
        period.choices(lambda times: links.health(project, **times)),
        levels is not None,
        tuple(found[:_HOSTS]),
        len(found),
        step_word(step),
        work is not None,
        service_rows(project, served[:_SERVICES], period.query),
        len(served),
        limit_of(stores.metrics_counted.limited(project.id), levels or ()),
    )


def host(visit: Visit) -> HostView:
    """The host that the arguments name; raises ``ApiError`` 404 and ``StoreDown``."""
    project, name = visit.of_project, visit.arguments["name"]
    counted, period = visit.desk.stores.metrics_counted, period_of(visit, _HOURS)
    if name not in counted.labels(project.id).get("host", ()):
        raise not_found("host of this project")
    by, labels = ("name", "service"), {"host": name}
    found = told_in_time(
        visit,
        "its levels",
        lambda: counted.sums(project.id, span_of(period), by=by, labels=labels, kind="gauge"),
    )
    sums = found or []
    units = {one.name: unit_of(one) for one in counted.known(project.id)}
    levels: dict[str, list[Sum]] = defaultdict(list)
    for one in sums:
        levels[one.groups[0] or ""].append(one)
    ordered = sorted(levels, key=weight_of)

    def href(metric: str) -> str:
        return links.metric(project, metric, **period.query, label=f"host:{name}")

    return HostView(
        f"Host {name}",
        name,
        period,
        period.choices(lambda times: links.host(project, name, **times)),
        tuple(sorted({one.groups[1] for one in sums if one.groups[1]})),
        found is not None,
        tuple(
            LevelView(
                metric,
                href(metric),
                level_chart(metric, units.get(metric, ""), levels[metric], period),
            )
            for metric in ordered[:_CHARTS]
        ),
        tuple((metric, href(metric)) for metric in ordered[_CHARTS:]),
        links.health(project, **period.query),
        limit_of(counted.limited(project.id), sums),
    )


def span_of(period: Period) -> Span:
    """A period as counts by the minute are asked for it."""
    first, after = period.start.timestamp() // 60, -(-period.end.timestamp() // 60)
    return Span(int(first), int(after), period.every)


def _page(rule: str, name: str, view: Any, **more: Any) -> Page:
    return Page(rule, name, view, f"pages/{name}.html", needs="read", **more)


PAGES = (
    _page(
        "/p/<project>/health",
        "health",
        health,
        arguments=PeriodArguments,
        table="hosts",
        tab=Tab("Hosts and services", OF),
        live=True,
    ),
    _page("/p/<project>/host", "host", host, arguments=HostArguments, live=True),
)
