"""What is measured of a set of RUM events: vitals, loading, people. Built for a request, and read
from its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from elasticsearch import dsl

from events.rum import PHASES, VIEWS
from storage.rum import THRESHOLDS, Moment, Share, Vital
from storage.search.scope import Scope

Answer = Mapping[str, Any]
"""Aggregations of an answer, or of one of its buckets."""

#: Above so many different values a count of them is an estimate.
EXACT_UP_TO = 3_000

#: Vitals are kept with 24 bits: a value on a threshold may lie this share above it.
_ROUNDING = 1e-6
_P75 = 75
_MEDIAN = 50


def views() -> dsl.query.Query:
    """Events that are views of a page."""
    return dsl.Q("terms", kind=list(VIEWS))


def distinct(field: str) -> dsl.aggs.Agg[Any]:
    """How many different values a field has: exact up to :data:`EXACT_UP_TO`."""
    return dsl.A("cardinality", field=field, precision_threshold=EXACT_UP_TO)


def p75_of(field: str) -> dsl.aggs.Agg[Any]:
    """The 75th percentile of a field, by a t-digest: within a percent of it."""
    return dsl.A("percentiles", field=field, percents=[_P75])


def read_p75(found: Answer | None) -> float | None:
    """The value of :func:`p75_of`; null where there were no samples."""
    return _only_value(found)


def _only_value(found: Answer | None) -> float | None:
    values = (found or {}).get("values") or {}
    return next((float(value) for value in values.values() if isinstance(value, int | float)), None)


def add_vitals(aggs: Any) -> None:
    """Ask for every vital: its percentile, and how many samples are good, middling and poor."""
    for name, (good, poor) in THRESHOLDS.items():
        field = f"vitals.{name}"
        aggs.metric(f"{name}_p75", p75_of(field))
        bounds = [good * (1 + _ROUNDING), poor * (1 + _ROUNDING)]
        ranges = [{"to": bounds[0]}, {"from": bounds[0], "to": bounds[1]}, {"from": bounds[1]}]
        aggs.bucket(f"{name}_shares", dsl.A("range", field=field, ranges=ranges))


def read_vitals(found: Answer) -> list[Vital]:
    """The vitals of :func:`add_vitals`."""
    return [_vital(found, name) for name in THRESHOLDS]


def _vital(found: Answer, name: str) -> Vital:
    buckets = found.get(f"{name}_shares", {}).get("buckets", [])
    counts = [bucket["doc_count"] for bucket in buckets] or [0, 0, 0]
    return Vital(name, read_p75(found.get(f"{name}_p75")), *counts)


def add_phases(aggs: Any) -> None:
    """Ask for the median of every phase of loading."""
    for name in PHASES:
        field = f"phases.{name}"
        aggs.metric(f"phase_{name}", dsl.A("percentiles", field=field, percents=[_MEDIAN]))


def read_phases(found: Answer) -> dict[str, float]:
    """The medians of :func:`add_phases`, of phases that have samples."""
    medians = ((name, _only_value(found.get(f"phase_{name}"))) for name in PHASES)
    return {name: value for name, value in medians if value is not None}


def add_shares(aggs: Any, fields: Mapping[str, str], most: int) -> None:
    """Ask for the values of attributes, each with its views' loading."""
    for name, field in fields.items():
        bucket = aggs.bucket(f"share_{name}", dsl.A("terms", field=field, size=most))
        bucket.metric("load", p75_of("duration_ms"))


def read_shares(found: Answer, names: Mapping[str, str]) -> dict[str, list[Share]]:
    """The values of :func:`add_shares`, most frequent first."""
    return {
        name: [
            Share(str(bucket["key"]), bucket["doc_count"], read_p75(bucket.get("load")))
            for bucket in found.get(f"share_{name}", {}).get("buckets", [])
        ]
        for name in names
    }


def add_trend(aggs: Any, scope: Scope) -> None:
    """Ask for views, loading and LCP step by step."""
    seconds = int(scope.step.total_seconds())
    trend = aggs.bucket(
        "trend",
        dsl.A("date_histogram", field="received_at", fixed_interval=f"{seconds}s", min_doc_count=0),
    )
    trend.bucket("views", dsl.A("filter", filter=views())).metric("load", p75_of("duration_ms"))
    trend.metric("lcp", p75_of("vitals.lcp"))


def read_trend(found: Answer) -> list[Moment]:
    """The steps of :func:`add_trend`, oldest first."""
    return [
        Moment(
            datetime.fromtimestamp(bucket["key"] / 1000, UTC),
            bucket["views"]["doc_count"],
            present(load=read_p75(bucket["views"].get("load")), lcp=read_p75(bucket.get("lcp"))),
        )
        for bucket in found.get("trend", {}).get("buckets", [])
    ]


def present(**values: float | None) -> dict[str, float]:
    """The values that are there."""
    return {name: value for name, value in values.items() if value is not None}


def count_of(found: Answer | None) -> int:
    """The value of a count."""
    return int((found or {}).get("value") or 0)


def events_of(found: Answer | None) -> int:
    """How many events a bucket has."""
    return int((found or {}).get("doc_count") or 0)
