"""One page: what it takes, for whom, and what it loads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median, quantiles
from typing import Any

from elasticsearch import dsl

from events.path_rules import PathRules
from events.resources import Resource, read_resource
from events.rum import VIEWS
from storage.rum import Bar, PageDetail, RecentView, ResourceRow, Share
from storage.search.rum.measures import (
    Answer,
    add_phases,
    add_shares,
    add_trend,
    add_vitals,
    count_of,
    distinct,
    events_of,
    p75_of,
    read_p75,
    read_phases,
    read_shares,
    read_trend,
    read_vitals,
    views,
)
from storage.search.rum.pages import page_query
from storage.search.scope import Scope
from storage.search.store import SearchStore

#: The latest events whose requests and assets are looked at.
SAMPLED_EVENTS = 200
MOST_RESOURCES = 40
MOST_RECENT = 10
MOST_SHARES = 12
MOST_PATHS = 20

_BOUNDS = (
    *(0, 100, 200, 300, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000),
    *(7500, 10_000, 15_000, 30_000),
)
_SHARES = {
    "browser": "browser.shown",
    "os": "os.shown",
    "device": "device.shown",
    "country": "country.shown",
    "version": "version",
    "host": "host.shown",
}
_LOADS = (*VIEWS, "xhr", "network", "custom", "asset")
_FIELDS = ("id", "kind", "received_at", "session_id", "user_key", "duration_ms", "browser")
_FAILED_FROM = 400


class RumPage:
    """Raises :class:`StoreDown`."""

    def __init__(self, search: SearchStore) -> None:
        self._search = search

    def read(self, scope: Scope, rules: PathRules, page: str) -> PageDetail:
        """A page by its path or its rule; asks Elasticsearch once."""
        search = self._search.over(["rum"], scope).filter(page_query(rules, page))
        aggs = search.aggs
        aggs.metric("users", distinct("user_key"))
        aggs.metric("sessions", distinct("session_id"))
        add_vitals(aggs)
        add_phases(aggs)
        add_trend(aggs, scope)
        _add_views(aggs.bucket("views", dsl.A("filter", filter=views())))
        search = search.post_filter("terms", kind=list(_LOADS)).sort("-received_at", "-id")
        search = search.source([*_FIELDS, "resources"]).extra(size=SAMPLED_EVENTS)
        return _detail(self._search.ask(search))


def _add_views(shown: Any) -> None:
    shown.metric("load", p75_of("duration_ms"))
    ends = [*_BOUNDS[1:], None]
    ranges = [
        {"from": start} if end is None else {"from": start, "to": end}
        for start, end in zip(_BOUNDS, ends, strict=True)
    ]
    shown.bucket("histogram", dsl.A("range", field="duration_ms", ranges=ranges))
    shown.bucket("paths", dsl.A("terms", field="path", size=MOST_PATHS))
    add_shares(shown, _SHARES, MOST_SHARES)


def _detail(answer: dict[str, Any]) -> PageDetail:
    found: Answer = answer.get("aggregations", {})
    shown: Answer = found.get("views", {})
    hits = [hit["_source"] for hit in answer["hits"]["hits"]]
    return PageDetail(
        views=events_of(shown),
        users=count_of(found.get("users")),
        sessions=count_of(found.get("sessions")),
        vitals=read_vitals(found),
        load_p75=read_p75(shown.get("load")),
        phases=read_phases(found),
        histogram=[
            Bar(bucket["from"], bucket["doc_count"])
            for bucket in shown.get("histogram", {}).get("buckets", [])
        ],
        shares=read_shares(shown, _SHARES),
        resources=resource_rows(hit.get("resources") or () for hit in hits),
        sampled=len(hits),
        recent=[_recent(hit) for hit in hits if hit["kind"] in VIEWS][:MOST_RECENT],
        paths=[
            Share(bucket["key"], bucket["doc_count"])
            for bucket in shown.get("paths", {}).get("buckets", [])
        ],
        trend=read_trend(found),
    )


def _recent(hit: dict[str, Any]) -> RecentView:
    return RecentView(
        event_id=hit["id"],
        at=hit["received_at"],
        session_id=hit.get("session_id"),
        user=hit.get("user_key"),
        load_ms=hit.get("duration_ms"),
        browser=hit.get("browser"),
    )


def resource_rows(events: Iterable[Iterable[str]]) -> list[ResourceRow]:
    """What sampled events loaded, by kind and name, those that took longest in all first; pure."""
    by_name: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for lines in events:
        for line in lines:
            if (resource := read_resource(line)) is not None:
                by_name[resource.kind, _without_query(resource.name)].append(resource)
    rows = sorted(by_name.items(), key=lambda item: (-_total(item[1]), item[0]))
    return [_resource_row(*key, found) for key, found in rows[:MOST_RESOURCES]]


def _without_query(name: str) -> str:
    return name.partition("?")[0].partition("#")[0]


def _total(found: Sequence[Resource]) -> float:
    return sum(one.ms or 0 for one in found)


def _resource_row(kind: str, name: str, found: Sequence[Resource]) -> ResourceRow:
    took = sorted(one.ms for one in found if one.ms is not None)
    sizes = [one.size for one in found if one.size]
    return ResourceRow(
        kind=kind,
        name=name,
        count=len(found),
        median_ms=median(took) if took else None,
        p75_ms=quantiles(took, n=4, method="inclusive")[2]
        if len(took) > 1
        else next(iter(took), None),
        slowest_ms=took[-1] if took else None,
        bytes=median(sizes) if sizes else None,
        failed=sum((one.status or 0) >= _FAILED_FROM for one in found),
    )
