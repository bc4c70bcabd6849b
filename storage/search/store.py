"""The search store: index records by id, and find events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from elasticsearch import ApiError, Elasticsearch, dsl

from config.policy import EVENT_TYPES
from config.settings import Settings
from events.envelope import SYSTEM_PROJECT
from events.ids import Clock, now_ms
from events.record import Record
from events.unusual import Counted
from storage.errors import StoreDown
from storage.floors import KEEP_ALL, Floors
from storage.model import Page
from storage.query.parse import ParsedQuery
from storage.questions import asking
from storage.search.bulk import Bulk, Failure, bulks, encoded_document, failures_of
from storage.search.compile import compile_query
from storage.search.cursor import encode_cursor, place_of, search_after
from storage.search.document import timestamp
from storage.search.erasing import DELETED_AT_ONCE, delete_lines, deleted
from storage.search.facets import (
    Facets,
    count_these,
    count_values,
    facets_of,
    share_of,
    these_of,
)
from storage.search.faults import TooLarge, translated, was_swapped
from storage.search.impact import Impact, ask_impact, read_impact
from storage.search.mappings import mapping_of
from storage.search.months import drop_month, months
from storage.search.names import alias_name, index_name, index_pattern
from storage.search.past import without_past
from storage.search.presence import present_ids
from storage.search.rebuild import MonthIndex
from storage.search.rehearsal import refusal_of
from storage.search.schema import put_schema, template
from storage.search.scope import Scope
from storage.search.spans import EVENT_FIELDS as SPAN_EVENT_FIELDS
from storage.search.spans import TYPE as SPANS_OF
from storage.search.spans import spans_of, spans_query

REQUEST_SECONDS = 10.0
CHECK_SECONDS = 2.0
#: How long a page waits for what it can do without.
PAGE_SECONDS = 2.0

#: Threads that send bulks while others are made: one for each that indexes at the same time.
_SENDERS = 4

_NDJSON = {
    "accept": "application/vnd.elasticsearch+json; compatible-with=8",
    "content-type": "application/vnd.elasticsearch+x-ndjson; compatible-with=8",
}
_LISTED_BY_ALL = ("id", "type", "project_id", "received_at", "occurred_at", "group_id")


class SearchStore:
    """Thread-safe; its client connects with the first call, so build it before a fork and use it
    after. Every method raises :class:`StoreDown` while Elasticsearch is away, slow, throttling or
    read-only, and ``Rejected`` for a request that it refuses as a whole.
    """

    def __init__(
        self,
        settings: Settings,
        request_seconds: float = REQUEST_SECONDS,
        clock: Clock = now_ms,
    ) -> None:
        self._settings = settings
        self._request_seconds = request_seconds
        self._clock = clock
        self._prefix = settings.search_prefix
        self._lock = threading.Lock()
        self._opened: Elasticsearch | None = None
        self._senders = ThreadPoolExecutor(_SENDERS, "sluice-search")
        self._schema_known = False

    def ensure_schema(self) -> None:
        """Put the index templates of every type. Idempotent, and safe in several processes."""
        for policy in EVENT_TYPES:
            with translated():
                put_schema(self._client, self._prefix, policy.name, self._settings.search_replicas)

    def index(self, event_type: str, records: Iterable[Record]) -> list[Failure]:
        """Index records under their ids, each in the index of its id's month.

        Records are taken one by one while those before them are on their way.

        Returns the events that can never be indexed, with the reason; all others are then durable
        in Elasticsearch, and visible to :meth:`search` a second later. After a ``StoreDown`` any
        part of them may be there: index them all again, nothing doubles.
        """
        try:
            self._know_schema()
            return self._index_into(
                partial(index_name, self._prefix, event_type), event_type, records
            )
        except StoreDown:
            self._schema_known = False
            raise

    def index_into(self, index: str, event_type: str, records: Iterable[Record]) -> list[Failure]:
        """As :meth:`index`, into one index that is there, whatever the ids' months."""
        return self._index_into(lambda _: index, event_type, records)

    def month(self, event_type: str, month: str, target: str) -> MonthIndex:
        """A month's index in the making, which is to take the place of the one in use."""
        alias = alias_name(self._prefix, event_type)
        settings = template(self._prefix, event_type, self._settings.search_replicas)
        return MonthIndex(self._client, alias, month, target, settings.to_dict()["template"])

    def delete(self, event_type: str, ids: Sequence[UUID], also_from: Sequence[str] = ()) -> int:
        """Delete events' documents; how many there were. Gone from :meth:`search` a second later.

        ``also_from`` are indices in the making that may have them too. After a ``StoreDown`` any
        part of them may be gone: delete them all again.
        """

        def indices_of(event_id: UUID) -> list[str]:
            return [index_name(self._prefix, event_type, event_id), *also_from]

        total = 0
        for start in range(0, len(ids), DELETED_AT_ONCE):
            lines = delete_lines(indices_of, ids[start : start + DELETED_AT_ONCE])
            total += deleted(self._post_bulk(lines))
        return total

    def months(self, event_type: str) -> list[str]:
        """The months of a type that have an index, such as ``2026.01``, oldest first."""
        return months(self._client, self._prefix, event_type)

    def drop_month(self, event_type: str, month: str) -> None:
        """Delete a month's index with all its documents. May be repeated."""
        drop_month(self._client, self._prefix, event_type, month)

    def present(self, event_type: str, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the events have a document, visible to a search already or not yet."""
        return present_ids(self._client, self._prefix, event_type, ids)

    def search(
        self,
        *,
        project_id: int | None = None,
        event_type: str | None = None,
        query: ParsedQuery | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        groups: Sequence[UUID] | None = None,
        cursor: str | None = None,
        limit: int = 50,
        floors: Floors = KEEP_ALL,
    ) -> Page[dict[str, Any]]:
        """Events received from ``start`` and before ``end``, newest first, that are not past the
        ``floors``; of these ``groups`` alone, given by their fingerprints' ids.

        Items are ready for JSON: ``id, type, project_id, received_at, occurred_at, group_id,
        title`` and what the type lists. Raises ``ValueError`` for a cursor that is none.
        """
        search = self._filtered(project_id, event_type, query, start, end)
        if groups is not None:
            search = search.filter("terms", group_id=[str(one) for one in groups])
        types = [event_type] if event_type else [policy.name for policy in EVENT_TYPES]
        search = without_past(search, floors, project_id, types)[: limit + 1]
        if cursor is not None:
            search = search.extra(search_after=search_after(cursor))
        with translated():
            hits = [hit["_source"] for hit in _execute(search).to_dict()["hits"]["hits"]]
        items = [_item(hit) for hit in hits[:limit]]
        more = len(hits) > limit and items
        return Page(items, encode_cursor(UUID(items[-1]["id"])) if more else None)

    def rehearse(self, event_type: str, record: Record) -> str | None:
        """Why Elasticsearch would refuse a record's document, null if it would take it. Nothing is
        indexed.
        """
        try:
            document = encoded_document(event_type, record)
        except orjson.JSONEncodeError as exc:
            return f"not_json: {exc}"
        index = index_name(self._prefix, event_type, record.id)
        with translated():
            return refusal_of(self._client, index, record.id, document)

    def over(self, types: Sequence[str], scope: Scope) -> dsl.Search:
        """A search over the events of a scope, of some types, that asks for no hits yet."""
        names = [alias_name(self._prefix, name) for name in types]
        search = dsl.Search(using=self._client, index=names)
        search = search.params(ignore_unavailable=True, allow_partial_search_results=False)
        search = without_past(
            scope.narrow(search, self._now()), scope.floors, scope.project_id, types
        )
        return search.extra(size=0, track_total_hits=False)

    def ask(self, search: dsl.Search, seconds: float = PAGE_SECONDS) -> dict[str, Any]:
        """The answer to a search of :meth:`over`, within so many seconds."""
        bounded = search.using(self._client.options(request_timeout=seconds))
        with translated():
            return _execute(bounded.extra(timeout=f"{seconds:g}s")).to_dict()

    def impact(self, projects: Sequence[int], start: datetime) -> dict[int, Impact]:
        """How many crashes projects had from ``start`` on, and how many users those met."""
        if not projects:
            return {}
        search = ask_impact(self._filtered(None, "crash", None, start, None), projects)
        with translated():
            return read_impact(_execute(search).to_dict(), projects)

    def spans(
        self,
        *,
        project_id: int,
        start: datetime,
        end: datetime,
        conditions: Mapping[str, Any],
        cursor: str | None = None,
        limit: int = 50,
        floors: Floors = KEEP_ALL,
    ) -> Page[dict[str, Any]]:
        """Spans that meet every condition (:mod:`.spans`), of the newest events first.

        A page is one of events: of each, up to :data:`.spans.MOST_OF_EVENT` are given. Raises
        ``ValueError`` for a cursor that is none.
        """
        search = self._filtered(project_id, SPANS_OF, None, start, end)
        search = search.query(spans_query(conditions)).source(list(SPAN_EVENT_FIELDS))
        search = without_past(search, floors, project_id, [SPANS_OF])[: limit + 1]
        if cursor is not None:
            search = search.extra(search_after=search_after(cursor))
        with translated():
            hits = _execute(search).to_dict()["hits"]["hits"]
        found = [span for hit in hits[:limit] for span in spans_of(hit)]
        more = len(hits) > limit
        last = UUID(hits[limit - 1]["_source"]["id"]) if more else None
        return Page(found, encode_cursor(last) if last else None)

    def beside(
        self,
        project_id: int,
        groups: Sequence[UUID],
        query: ParsedQuery,
        floors: Floors,
        event_id: UUID | None = None,
        *,
        newer: bool = False,
        limit: int = 1,
    ) -> list[UUID]:
        """Events of groups (their fingerprints' ids) that match a query, from one on: those before
        it, the nearest first, or ``newer`` ones; without one from the newest on. One query.
        """
        search = self._filtered(project_id, None, query, None, None).source(["id"])
        search = search.filter("terms", group_id=[str(one) for one in groups])
        search = without_past(search, floors, project_id, [one.name for one in EVENT_TYPES])
        if newer:
            search = search.sort("received_at", "id")
        if event_id is not None:
            search = search.extra(search_after=place_of(event_id))
        search = search.using(self._client.options(request_timeout=PAGE_SECONDS))[:limit]
        with translated():
            hits = _execute(search).to_dict()["hits"]["hits"]
        return [UUID(hit["_source"]["id"]) for hit in hits]

    def documents(
        self, event_type: str, ids: Sequence[UUID], fields: Sequence[str]
    ) -> dict[UUID, dict[str, Any]]:
        """These fields of events, those that search knows. One query, for a page."""
        search = self._blank(event_type).filter("ids", values=[str(one) for one in ids])
        search = search.source(["id", *fields])[: len(ids)]
        search = search.using(self._client.options(request_timeout=PAGE_SECONDS))
        with translated():
            hits = _execute(search).to_dict()["hits"]["hits"]
        return {UUID(hit["_source"]["id"]): hit["_source"] for hit in hits}

    def groups_with(
        self, project_id: int | None, query: ParsedQuery, floors: Floors, limit: int
    ) -> list[UUID]:
        """Groups that have an event which matches a query, those with most of them first; at most
        ``limit``. As in :meth:`search`, none is past the ``floors``.
        """
        search = self._filtered(project_id, None, query, None, None).extra(size=0)
        types = [policy.name for policy in EVENT_TYPES]
        search = without_past(search, floors, project_id, types)
        search.aggs.bucket("groups", "terms", field="group_id", size=limit)
        return [UUID(bucket["key"]) for bucket in self._aggregated(search)["groups"]["buckets"]]

    def facets(
        self, project_id: int, groups: Sequence[UUID], events: int, floors: Floors
    ) -> Facets:
        """How the events of groups (their fingerprints' ids), about so many, spread over values of
        their facets. One query.
        """
        share = share_of(events)
        search = self._of_groups(project_id, groups, floors)
        answer = self._aggregated(count_values(search, share))
        return facets_of(answer, share)

    def elsewhere(
        self, project_id: int, groups: Sequence[UUID], events: int, here: Counted, floors: Floors
    ) -> tuple[Counted, float]:
        """How many events of the project's other groups, about so many, have the values that those
        of these groups have, and which share of them was counted. One query.
        """
        share = share_of(events)
        search = self._of_groups(project_id, groups, floors, others=True)
        answer = self._aggregated(count_these(search, here, share))
        return these_of(answer, here.values), share

    def users_of(self, project_id: int, versions: Sequence[str], floors: Floors) -> dict[str, int]:
        """About how many users' crashes came in each version, by identifier. One query."""
        if not versions:
            return {}
        search = self._filtered(project_id, None, None, None, None).extra(size=0)
        search = search.filter("exists", field="group_id")
        search = without_past(search, floors, project_id, [one.name for one in EVENT_TYPES])
        filters = {one: dsl.Q("term", version=one) for one in versions}
        search.aggs.bucket("versions", "filters", filters=filters).metric(
            "users", "cardinality", field="user.identifier"
        )
        buckets = self._aggregated(search)["versions"]["buckets"]
        return {one: int(bucket["users"]["value"]) for one, bucket in buckets.items()}

    def check(self) -> None:
        """Raise :class:`StoreDown` unless events can be indexed and found now."""
        client = self._client.options(request_timeout=CHECK_SECONDS)
        ours = [index_pattern(self._prefix, policy.name) for policy in EVENT_TYPES]
        with translated():
            health = client.cluster.health(index=ours)
            blocks = client.indices.get_settings(
                index=ours, name="index.blocks.*", ignore_unavailable=True, flat_settings=True
            )
        if health["status"] == "red":
            raise StoreDown("search", "the indices are red: a primary shard is not there")
        for index, found in blocks.items():
            raise StoreDown("search", f"index {index} is blocked: {', '.join(found['settings'])}")

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _know_schema(self) -> None:
        """Put the templates before the first write, and before the first after an outage.

        A cluster may come back empty, and an index made without its template would take a field
        for every key that a client sends.
        """
        if not self._schema_known:
            self.ensure_schema()
            self._schema_known = True

    @property
    def _client(self) -> Elasticsearch:
        with self._lock:
            if self._opened is None:
                url = self._settings.elasticsearch_url.reveal()
                self._opened = _open(url, self._request_seconds)
            return self._opened

    def _index_into(
        self, index_of: Callable[[UUID], str], event_type: str, records: Iterable[Record]
    ) -> list[Failure]:
        failures: list[Failure] = []
        sent: Future[list[Failure]] | None = None
        for bulk in bulks(index_of, event_type, records, failures):
            if sent is not None:
                failures += sent.result()
            sent = self._senders.submit(self._index_bulk, bulk)
        if sent is not None:
            failures += sent.result()
        return failures

    def _index_bulk(self, bulk: Bulk) -> list[Failure]:
        """Index a bulk, in parts where it is larger than the server takes."""
        try:
            return failures_of(bulk, self._post_bulk(b"".join(bulk.lines)))
        except TooLarge as exc:
            if len(bulk.ids) == 1:
                return [(bulk.ids[0], exc.detail)]
        return [failure for half in bulk.halves() for failure in self._index_bulk(half)]

    def _post_bulk(self, body: bytes) -> dict[str, Any]:
        """Post lines that are bytes already, and read back just enough to judge each item."""
        with translated():
            answer = self._client.perform_request(
                "POST",
                "/_bulk",
                params={"filter_path": "errors,items.*.status,items.*.error"},
                headers=_NDJSON,
                body=body,
            )
        answered: dict[str, Any] = answer.body
        return answered

    def _filtered(
        self,
        project_id: int | None,
        event_type: str | None,
        query: ParsedQuery | None,
        start: datetime | None,
        end: datetime | None,
    ) -> dsl.Search:
        search = self._blank(event_type)
        if project_id is None:
            search = search.exclude("term", project_id=SYSTEM_PROJECT)
        else:
            search = search.filter("term", project_id=project_id)
        if start is not None:
            search = search.filter("range", received_at={"gte": timestamp(start)})
        if end is not None:
            search = search.filter("range", received_at={"lt": timestamp(end)})
        if query is not None and query.terms:
            search = search.filter(compile_query(query, self._now()))
        return search

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1000, UTC)

    def _of_groups(
        self, project_id: int, groups: Sequence[UUID], floors: Floors, *, others: bool = False
    ) -> dsl.Search:
        """Events of groups, or those of all other groups of the project."""
        search = self._filtered(project_id, None, None, None, None).extra(size=0)
        own = dsl.Q("terms", group_id=[str(one) for one in groups])
        search = search.filter("exists", field="group_id") if others else search.filter(own)
        search = search.exclude(own) if others else search
        return without_past(search, floors, project_id, [one.name for one in EVENT_TYPES])

    def _aggregated(self, search: dsl.Search) -> dict[str, Any]:
        """What a search for a page counts; a person waits, so not for long."""
        search = search.using(self._client.options(request_timeout=PAGE_SECONDS))
        with translated():
            found: dict[str, Any] = _execute(search).to_dict()["aggregations"]
        return found

    def _blank(self, event_type: str | None) -> dsl.Search:
        """A search over one type, or all, that asks for listed fields in the order of time."""
        types = [event_type] if event_type else [policy.name for policy in EVENT_TYPES]
        fields = {field for name in types for field in mapping_of(name).LISTED}
        search = dsl.Search(
            using=self._client, index=[alias_name(self._prefix, name) for name in types]
        )
        search = search.params(ignore_unavailable=True, allow_partial_search_results=False)
        search = search.source([*_LISTED_BY_ALL, *sorted(fields)])
        return search.sort("-received_at", "-id").extra(track_total_hits=False)


class _Client(Elasticsearch):
    """Notes what it is asked; see :mod:`storage.questions`."""

    def perform_request(self, *arguments: Any, **options: Any) -> Any:
        with asking("search"):
            return super().perform_request(*arguments, **options)


def _open(url: str, seconds: float) -> Elasticsearch:
    """A client that leaves retrying to the stages: one owner of retries a call."""
    return _Client(url, request_timeout=seconds, max_retries=0)


def _execute(search: dsl.Search) -> dsl.response.Response[Any]:
    """Ask, and once more where the index asked was swapped for a rebuilt one meanwhile."""
    try:
        return search.execute()
    except ApiError as exc:
        if not was_swapped(exc):
            raise
    return search.execute()


def _item(source: dict[str, Any]) -> dict[str, Any]:
    mapping = mapping_of(source["type"])
    item = {name: source.get(name) for name in _LISTED_BY_ALL}
    item["title"] = mapping.title(source)
    return item | {name: source.get(name) for name in mapping.LISTED}
