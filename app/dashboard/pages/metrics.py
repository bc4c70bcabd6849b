"""Metrics: what is measured, and one of them over time, by its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.measures import metric_sums, series_of
from app.dashboard import links
from app.dashboard.charts import Chart
from app.dashboard.links import Named
from app.dashboard.page import Page, Tab, Visit
from app.dashboard.pages.apm import OF, told_in_time
from app.dashboard.telemetry.limits import Limit, limit_of
from app.dashboard.telemetry.measures import (
    DRAWN,
    MetricRow,
    ValueRow,
    metric_charts,
    metric_rows,
    unit_of,
    value_row,
)
from app.dashboard.telemetry.period import Choice, Period, PeriodArguments, period_of
from app.errors import not_found
from storage.sql.minutes import Known, Sum

_HOURS = 6
_LISTED, _VALUES, _LABELS = 100, 20, 40
_CHARS = 200


class MetricsArguments(Schema):
    """Only names that have these letters in them."""

    q = fields.String(load_default="", validate=validate.Length(max=_CHARS))


class MetricArguments(PeriodArguments):
    """Which metric; by a label, and of series with one: ``name:value``. A name may be anything, so
    it is no part of the path.
    """

    name = fields.String(required=True, validate=validate.Length(min=1, max=_CHARS))
    by = fields.String(load_default=None, validate=validate.Length(max=_CHARS))
    label = fields.String(load_default=None, validate=validate.Length(max=2 * _CHARS))


@dataclass(frozen=True, slots=True)
class MetricsView:
    """Names under which something is measured, of ``found`` that match."""

    title: str
    q: str
    clear_href: str
    metrics: tuple[MetricRow, ...]
    found: int
    limit: Limit


@dataclass(frozen=True, slots=True)
class MetricView:
    """A metric over time. ``rows`` are the values of the label ``by``, those with most first, of
    ``found``; the first ``drawn`` are in the charts. There are none where it is not ``told``.
    """

    title: str
    name: str
    kind: str
    unit: str
    cumulative: bool
    period: Period
    periods: tuple[Choice, ...]
    by: str
    label: str
    labels: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    rows: tuple[ValueRow, ...]
    found: int
    drawn: int
    told: bool
    clear_href: str
    limit: Limit


def metrics(visit: Visit) -> MetricsView:
    """What is measured in a project; raises ``StoreDown``."""
    project, q = visit.of_project, visit.arguments["q"]
    counted = visit.desk.stores.metrics_counted
    matching = [one for one in counted.known(project.id) if q.lower() in one.name.lower()]
    return MetricsView(
        "Metrics",
        q,
        links.metrics(project),
        tuple(metric_rows(project, matching[:_LISTED])),
        len(matching),
        limit_of(counted.limited(project.id)),
    )


def metric(visit: Visit) -> MetricView:
    """The metric that the arguments name; raises ``ApiError`` 400, 404 and ``StoreDown``."""
    project, asked = visit.of_project, visit.arguments
    counted, period = visit.desk.stores.metrics_counted, period_of(visit, _HOURS)
    known = [one for one in counted.known(project.id) if one.name == asked["name"]]
    if not known:
        raise not_found("metric of this project")
    wanted = {**asked, **period.arguments, "metric": asked["name"], "environment": None}
    wanted["project"] = project.name
    found = told_in_time(visit, "what it adds up to", lambda: metric_sums(visit.desk, wanted))
    sums = found and found[1]
    labels = counted.labels(project.id, asked["name"])
    limit = limit_of(counted.limited(project.id), sums or ())
    return metric_view(project, known[0], asked, period, sums, labels, limit)


def metric_view(
    project: Named,
    known: Known,
    asked: Mapping[str, Any],
    period: Period,
    sums: Sequence[Sum] | None,
    labels: Mapping[str, Sequence[str]],
    limit: Limit,
) -> MetricView:
    """The page of what a metric adds up to, null where that was not told; pure."""
    kept = {"by": asked["by"], "label": asked["label"]}

    def narrowed(value: str | None) -> str:
        label = f"{asked['by']}:{value}" if asked["by"] and value is not None else asked["label"]
        return links.metric(project, known.name, **period.query, label=label)

    series = series_of(sums or ())
    drawn = [(_word(value, asked["by"]), members) for value, members in series[:DRAWN]]
    return MetricView(
        title=known.name,
        name=known.name,
        kind=known.kind,
        unit=unit_of(known),
        cumulative=known.cumulative,
        period=period,
        periods=period.choices(lambda times: links.metric(project, known.name, **kept, **times)),
        by=asked["by"] or "",
        label=asked["label"] or "",
        labels=tuple((name, f"{name} ({len(found)})") for name, found in labels.items())[:_LABELS],
        charts=metric_charts(known.kind, unit_of(known), drawn, period),
        rows=tuple(
            value_row(_word(value, asked["by"]), narrowed(value), members)
            for value, members in series[:_VALUES]
        ),
        found=len(series),
        drawn=len(drawn),
        told=sums is not None,
        clear_href=links.metric(project, known.name, **period.query),
        limit=limit,
    )


def _word(value: str | None, by: str | None) -> str:
    """A value of a label; series without the label have none."""
    if not by:
        return ""
    return f"without {by}" if value is None else value


PAGES = (
    Page(
        "/p/<project>/metrics",
        "metrics",
        metrics,
        "pages/metrics.html",
        MetricsArguments,
        needs="read",
        table="metrics",
        tab=Tab("Metrics", OF),
    ),
    Page(
        "/p/<project>/metric",
        "metric",
        metric,
        "pages/metric.html",
        MetricArguments,
        needs="read",
        table="rows",
        live=True,
    ),
)
