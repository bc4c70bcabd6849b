"""The table of pages: one row a path, or a path rule, each measured now and in the span before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elasticsearch import dsl

from events.path_rules import PathRules, lucene
from storage.rum import PageErrors, PageRow, RumOverview
from storage.search.rum.measures import (
    Answer,
    add_trend,
    add_vitals,
    count_of,
    distinct,
    events_of,
    p75_of,
    present,
    read_p75,
    read_trend,
    read_vitals,
    views,
)
from storage.search.scope import Scope, received_between
from storage.search.store import SearchStore

#: Most pages of the table, those with most views: what is asked of each bounds what a page costs.
MOST_PAGES = 200
_GROUPS_OF_PAGE = 8

_MEASURED = {"lcp": "vitals.lcp", "inp": "vitals.inp", "cls": "vitals.cls"}


def page_query(rules: PathRules, page: str) -> dsl.query.Query:
    """Events of a page: those that its rule is the first to fit, or those of the path itself."""
    if page not in rules.rules:
        return dsl.Q("term", path=page)
    earlier = [_fits(rule) for rule in rules.before(page)]
    return dsl.Q("bool", filter=[_fits(page)], must_not=earlier)


def _fits(rule: str) -> dsl.query.Query:
    return dsl.Q("regexp", path={"value": lucene(rule), "flags": "NONE"})


class RumPages:
    """Methods raise :class:`StoreDown`; each asks Elasticsearch once."""

    def __init__(self, search: SearchStore) -> None:
        self._search = search

    def overview(self, scope: Scope, rules: PathRules) -> RumOverview:
        """A project's vitals and its pages, without their errors, which :meth:`errors` knows."""
        search = self._search.over(["rum"], scope.with_span_before)
        now = search.aggs.bucket(
            "now", dsl.A("filter", filter=received_between(scope.start, scope.end))
        )
        _add_totals(now)
        add_trend(now, scope)
        for bucket in _page_buckets(search.aggs, rules):
            _add_row(bucket, scope)
        found = self._search.ask(search).get("aggregations", {})
        return _overview(found, rules)

    def errors(self, scope: Scope, rules: PathRules, pages: Sequence[str]) -> dict[str, PageErrors]:
        """Crashes of pages; pages without any are left out."""
        search = self._search.over(["crash"], scope)
        named = [page for page in pages if page not in rules.rules]
        terms = dsl.A("terms", field="path", size=max(1, len(named)), include=named or [""])
        buckets = [search.aggs.bucket("paths", terms), *_rule_buckets(search.aggs, rules)]
        for bucket in buckets:
            bucket.metric("users", distinct("user_key"))
            bucket.bucket("groups", dsl.A("terms", field="group_id", size=_GROUPS_OF_PAGE))
        found = self._search.ask(search).get("aggregations", {})
        return {page: _errors(bucket) for page, bucket in _rows(found, rules) if _any(bucket)}

    def paths(self, scope: Scope, query: dsl.query.Query | None, most: int) -> dict[str, int]:
        """The paths with most views, with how many, before any rule; of a query, if given."""
        search = self._search.over(["rum"], scope).filter(views())
        if query is not None:
            search = search.filter(query)
        search.aggs.bucket("paths", dsl.A("terms", field="path", size=most))
        buckets = self._search.ask(search).get("aggregations", {}).get("paths", {})
        return {bucket["key"]: bucket["doc_count"] for bucket in buckets.get("buckets", [])}


def _add_totals(now: Any) -> None:
    now.metric("users", distinct("user_key"))
    now.metric("sessions", distinct("session_id"))
    shown = now.bucket("views", dsl.A("filter", filter=views()))
    shown.metric("load", p75_of("duration_ms"))
    add_vitals(now)


def _page_buckets(aggs: Any, rules: PathRules) -> list[Any]:
    """A bucket for paths that no rule fits, by views, and those of the rules."""
    ordered = dsl.A("terms", field="path", size=MOST_PAGES, order={"now>views": "desc"})
    if not rules.rules:
        return [aggs.bucket("paths", ordered)]
    unruled = dsl.Q("bool", must_not=[_fits(rule) for rule in rules.rules])
    paths = aggs.bucket("unruled", dsl.A("filter", filter=unruled)).bucket("paths", ordered)
    return [paths, *_rule_buckets(aggs, rules)]


def _rule_buckets(aggs: Any, rules: PathRules) -> list[Any]:
    if not rules.rules:
        return []
    filters = {str(n): page_query(rules, rule) for n, rule in enumerate(rules.rules)}
    return [aggs.bucket("rules", dsl.A("filters", filters=filters))]


def _add_row(bucket: Any, scope: Scope) -> None:
    spans = {"now": (scope.start, scope.end), "before": (None, scope.start)}
    for name, (start, end) in spans.items():
        span = bucket.bucket(name, dsl.A("filter", filter=received_between(start, end)))
        shown = span.bucket("views", dsl.A("filter", filter=views()))
        shown.metric("load", p75_of("duration_ms"))
        for measure, field in _MEASURED.items():
            span.metric(measure, p75_of(field))
            span.metric(f"{measure}_samples", dsl.A("value_count", field=field))
        if name == "now":
            span.metric("users", distinct("user_key"))


def _rows(found: Answer, rules: PathRules) -> list[tuple[str, Answer]]:
    """Pages with their buckets, of paths and of rules."""
    paths = found.get("unruled", found).get("paths", {})
    rows = [(str(bucket["key"]), bucket) for bucket in paths.get("buckets", [])]
    ruled = found.get("rules", {}).get("buckets", {})
    return rows + [(rules.rules[int(number)], bucket) for number, bucket in ruled.items()]


def _overview(found: Answer, rules: PathRules) -> RumOverview:
    now = found.get("now", {})
    pages = [
        _row(page, page in rules.rules, bucket)
        for page, bucket in _rows(found, rules)
        if events_of(bucket["now"].get("views"))
    ]
    pages.sort(key=lambda row: (-row.views, row.page))
    seen = events_of(now.get("views"))
    return RumOverview(
        views=seen,
        sessions=count_of(now.get("sessions")),
        users=count_of(now.get("users")),
        vitals=read_vitals(now),
        load_p75=read_p75(now.get("views", {}).get("load")),
        pages=pages,
        other_views=max(0, seen - sum(row.views for row in pages)),
        trend=read_trend(now),
    )


def _row(page: str, is_rule: bool, bucket: Answer) -> PageRow:
    now, before = bucket["now"], bucket["before"]
    samples = {
        name: (count_of(now[f"{name}_samples"]), count_of(before[f"{name}_samples"]))
        for name in _MEASURED
    }
    samples["load"] = (events_of(now["views"]), events_of(before["views"]))
    return PageRow(
        page=page,
        rule=is_rule,
        views=events_of(now["views"]),
        users=count_of(now["users"]),
        p75=_p75s(now),
        before=_p75s(before),
        samples=samples,
    )


def _p75s(span: Mapping[str, Any]) -> dict[str, float]:
    measured = {name: read_p75(span.get(name)) for name in _MEASURED}
    return present(load=read_p75(span["views"].get("load")), **measured)


def _any(bucket: Answer) -> bool:
    return events_of(bucket) > 0


def _errors(bucket: Answer) -> PageErrors:
    groups = {group["key"]: group["doc_count"] for group in bucket["groups"]["buckets"]}
    return PageErrors(events_of(bucket), count_of(bucket["users"]), groups)
