"""The search store on a real Elasticsearch: what stages and readers rely on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
import urllib3
from elasticsearch import Elasticsearch

from config.settings import Secret, Settings
from events.crash import normalise
from events.envelope import Envelope
from events.ids import new_id
from events.record import GroupKey, Record
from storage.errors import StoreDown
from storage.floors import KEEP_ALL, Floors
from storage.query.parse import parse_query
from storage.search.store import SearchStore

VISIBLE_SECONDS = 20.0
NOVEMBER_MS = int(datetime(2026, 11, 15, tzinfo=UTC).timestamp() * 1000)
DECEMBER_MS = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)


def a_crash(at_ms: int = NOVEMBER_MS, project_id: int = 1, **document: Any) -> Record:
    document = {"class_name": "KeyError", "message": "no such key", **document}
    group = GroupKey(str(document["class_name"]), str(document["class_name"]), None)
    return Record(new_id(at_ms), project_id, None, None, (), lambda: document, group)


def _reported(report: dict[str, Any]) -> Record:
    """The record of a crash as an SDK reported it."""
    body = json.dumps(report).encode()
    return normalise(Envelope(new_id(NOVEMBER_MS), 1, "crash", "raygun.entry", body))


def eventually(look: Callable[[], Any], expected: Any) -> None:
    deadline = time.monotonic() + VISIBLE_SECONDS
    while (seen := look()) != expected:
        assert time.monotonic() < deadline, f"saw {seen!r}, not {expected!r}"
        time.sleep(0.05)


@pytest.fixture
def own(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Settings with a prefix of the test's own, since tests of a module share the server."""
    return replace(
        settings, search_prefix=f"{settings.search_prefix}-{abs(hash(request.node.name))}"
    )


@pytest.fixture
def server(own: Settings) -> Iterator[Elasticsearch]:
    with Elasticsearch(own.elasticsearch_url.reveal(), max_retries=0) as client:
        yield client


@pytest.fixture
def store(own: Settings, server: Elasticsearch) -> Iterator[SearchStore]:
    store = SearchStore(own)
    yield store
    store.close()
    for event_type in ("crash", "rum"):
        name = f"{own.search_prefix}-{event_type}"
        for index in server.indices.get(index=f"{name}-*", expand_wildcards="all"):
            server.indices.delete(index=index)
        server.options(ignore_status=404).indices.delete_index_template(name=name)


def found(store: SearchStore, text: str = "", **filters: Any) -> set[UUID]:
    page = store.search(query=parse_query(text), **filters)
    return {UUID(item["id"]) for item in page.items}


def test_indexing_twice_gives_one_document(store: SearchStore) -> None:
    records = [a_crash() for _ in range(3)]
    assert store.index("crash", records) == []
    assert store.index("crash", records) == []
    eventually(lambda: found(store), {record.id for record in records})


def test_the_first_write_makes_the_month_and_the_alias(
    store: SearchStore, own: Settings, server: Elasticsearch
) -> None:
    last_ms, first_ms = DECEMBER_MS - 1, DECEMBER_MS
    store.index("crash", [a_crash(last_ms), a_crash(first_ms)])
    aliased = server.indices.get_alias(name=f"{own.search_prefix}-crash")
    assert sorted(aliased) == [
        f"{own.search_prefix}-crash-2026.11",
        f"{own.search_prefix}-crash-2026.12",
    ]
    eventually(lambda: len(found(store)), 2)


def test_schema_is_put_by_many_at_once(store: SearchStore) -> None:
    failures: list[BaseException] = []

    def put() -> None:
        try:
            store.ensure_schema()
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store.index("crash", [a_crash()])
    store.ensure_schema()


def test_hostile_documents_are_stored_and_leave_the_mapping_alone(
    store: SearchStore, own: Settings, server: Elasticsearch
) -> None:
    deep: Any = "bottom"
    for _ in range(200):
        deep = {"down": deep}
    hostile = [
        {"details": {"userCustomData": {f"key {number}": number for number in range(10_000)}}},
        {"details": {"userCustomData": deep, "environment": deep}},
        {"details": {"error": {"message": "m" * 1_000_000, "className": "C" * 1_000_000}}},
        {"details": {"request": {"url": "u" * 1_000_000}, "tags": ["t" * 100_000] * 1_000}},
        {"details": {"error": {"stackTrace": [{"methodName": "f" * 100_000}] * 1_000}}},
        {
            "details": {
                "userCustomData": {"": 1, ".": 2, "a.b": {"c": 1}, "a": {"b": 1}, "nul\0": 1},
                "environment": {"k" * 99_999: 1, " ": {"..": [{"": 0}]}},
            }
        },
        {"details": {"userCustomData": {"int": 10**30, "lone": "\ud800", "most": 2**64 - 1}}},
        {"details": {"userCustomData": [1, "two", {"three": 3}], "environment": "bare"}},
        {"details": {"client": ["x"], "user": {"identifier": 12, "email": True, "more": {"": 1}}}},
    ]
    records = [_reported(report) for report in hostile]
    dates = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
    records += [replace(a_crash(), occurred_at=date) for date in dates]
    assert store.index("crash", records) == []
    eventually(lambda: found(store), {record.id for record in records})
    mapped = server.indices.get_mapping(index=f"{own.search_prefix}-crash-2026.11")
    template = server.indices.get_index_template(name=f"{own.search_prefix}-crash")
    (index,) = mapped.body.values()
    wanted = template["index_templates"][0]["index_template"]["template"]["mappings"]
    assert index["mappings"]["properties"].keys() == wanted["properties"].keys()


def test_one_bad_item_fails_alone(store: SearchStore) -> None:
    good = [a_crash() for _ in range(4)]
    bad = a_crash(user="not an object")
    failures = store.index("crash", [*good[:2], bad, *good[2:]])
    assert [event_id for event_id, _ in failures] == [bad.id]
    assert "document_parsing_exception" in failures[0][1]
    eventually(lambda: found(store), {record.id for record in good})


@pytest.mark.parametrize("block", ["read_only", "read_only_allow_delete", "write"])
def test_a_read_only_index_is_an_outage(
    store: SearchStore, own: Settings, server: Elasticsearch, block: str
) -> None:
    store.index("crash", [a_crash()])
    index = f"{own.search_prefix}-crash-2026.11"
    server.indices.put_settings(index=index, settings={f"index.blocks.{block}": True})
    later = a_crash()
    try:
        with pytest.raises(StoreDown):
            store.index("crash", [later])
        with pytest.raises(StoreDown, match="is blocked"):
            store.check()
    finally:
        server.indices.put_settings(index=index, settings={f"index.blocks.{block}": None})
    assert store.index("crash", [later]) == []
    store.check()


def test_a_closed_index_is_an_outage(
    store: SearchStore, own: Settings, server: Elasticsearch
) -> None:
    store.index("crash", [a_crash()])
    server.indices.close(index=f"{own.search_prefix}-crash-2026.11")
    with pytest.raises(StoreDown):
        store.index("crash", [a_crash()])


def test_a_server_that_is_away_is_an_outage(own: Settings) -> None:
    away = SearchStore(replace(own, elasticsearch_url=Secret("http://user:hidden@127.0.0.1:9")))
    for use in (
        lambda: away.index("crash", [a_crash()]),
        away.search,
        away.check,
        away.ensure_schema,
    ):
        with pytest.raises(StoreDown) as caught:
            use()
        assert "hidden" not in str(caught.value)


def test_nothing_indexed_yet_is_an_empty_page(store: SearchStore) -> None:
    page = store.search()
    assert page.items == []
    assert page.next_cursor is None
    store.check()


def test_items_say_what_a_list_shows(store: SearchStore) -> None:
    record = a_crash(version="1.2", user={"identifier": "u1"})
    store.index("crash", [record])
    eventually(lambda: found(store), {record.id})
    (item,) = store.search().items
    assert record.group is not None
    assert item == {
        "id": str(record.id),
        "type": "crash",
        "project_id": 1,
        "received_at": "2026-11-15T00:00:00.000Z",
        "occurred_at": None,
        "group_id": str(record.group.group_id(1)),
        "title": "KeyError: no such key",
        "class_name": "KeyError",
        "message": "no such key",
        "culprit": None,
        "version": "1.2",
        "machine": None,
        "url": None,
        "user": {"identifier": "u1"},
        "tags": None,
        "trace_id": None,
    }


def test_filters_by_project_type_and_time(store: SearchStore) -> None:
    early, late = a_crash(NOVEMBER_MS), a_crash(NOVEMBER_MS + 1000, project_id=2)
    page = {"kind": "page", "page": "/shop/cart"}
    view = Record(new_id(NOVEMBER_MS), 1, None, None, (), lambda: page)
    store.index("crash", [early, late])
    store.index("rum", [view])
    eventually(lambda: found(store), {early.id, late.id, view.id})
    assert found(store, project_id=2) == {late.id}
    assert found(store, event_type="rum") == {view.id}
    border = datetime.fromtimestamp(NOVEMBER_MS / 1000 + 1, UTC)
    assert found(store, start=border) == {late.id}
    assert found(store, end=border) == {early.id, view.id}
    assert found(store, "page:cart") == {view.id}
    assert found(store, "kind:page -page:/shop/*") == set()


def test_query_language(store: SearchStore) -> None:
    null = a_crash(
        class_name="System.NullReferenceException",
        message="Object reference not set to an instance",
        version="1.2.3",
        machine="WEB-01",
        url="https://shop.example/checkout/pay?step=2",
        user={"identifier": "u-17", "email": "Ann@Example.com", "name": "Ann Lee"},
        tags=["beta", "Mobile App"],
        calls="Cart.total cart.cs Main.run main.cs",
    )
    other = a_crash(message="no such key: 'cart'", version="2.0.0", tags=["stable"])
    store.index("crash", [null, other])
    eventually(lambda: found(store), {null.id, other.id})
    assert null.group is not None
    only_null = [
        "reference",
        "NULLREFERENCEEXCEPTION",
        '"null reference"',
        '"object reference not set"',
        "obj*",
        "class:NullReferenceException",
        "class:system.nullreferenceexception",
        "class:System.Null*",
        'message:"not set"',
        "version:1.2.3",
        "version:1.*",
        "machine:web-01",
        "user:u-17",
        'user:"ann lee"',
        "user:ann@example.com",
        "email:ANN@example.com",
        "user:*",
        "-version:2*",
        "ann@example.com",
        "url:/checkout/pay",
        "https://shop.example/checkout/pay?step=2",
        "tag:beta",
        'tag:"mobile app"',
        "main.cs",
        "Main.r*",
        '"main.run (main.cs)"',
        '"main.cs cart.total"',
        "-tag:stable",
        '-"no such key"',
        "object -> instance",
        f"group:{null.group.group_id(1)}",
    ]
    for text in only_null:
        assert (text, found(store, text)) == (text, {null.id})
    for text in (
        '"main.cs other.cs"',
        "reference stable",
        '"reference object"',
        "tag:bet",
        "session:x",
        "kind:page",
    ):
        assert (text, found(store, text)) == (text, set())
    for text in ("", "-->", "cart* -nothing"):
        assert (text, found(store, text)) == (text, {null.id, other.id})


def test_an_index_of_an_earlier_release_is_searched_and_written_on(
    store: SearchStore, own: Settings, server: Elasticsearch
) -> None:
    copied = {"copy_to": "search_text"}
    server.indices.create(
        index=f"{own.search_prefix}-crash-2026.11",
        aliases={f"{own.search_prefix}-crash": {}},
        mappings={
            "dynamic": False,
            "properties": {
                "id": {"type": "keyword"},
                "type": {"type": "keyword"},
                "project_id": {"type": "integer"},
                "received_at": {"type": "date"},
                "message": {"type": "text", "norms": False, **copied},
                "frames": {"type": "keyword", "index": False, "doc_values": False, **copied},
                "search_text": {"type": "text", "norms": False},
            },
        },
    )
    before, after = a_crash(), a_crash(message="a new one", calls="Main.run main.cs")
    server.index(
        index=f"{own.search_prefix}-crash-2026.11",
        document={
            "id": str(before.id),
            "type": "crash",
            "project_id": 1,
            "received_at": "2026-11-15T00:00:00.000Z",
            "message": "an old one",
            "frames": ["Main.run main.cs"],
        },
    )
    store.ensure_schema()
    assert store.index("crash", [after]) == []
    eventually(lambda: found(store, "main.cs"), {before.id, after.id})
    assert found(store, "old") == {before.id}
    assert found(store, '"a new"') == {after.id}


def test_pages_are_stable_while_events_arrive(store: SearchStore) -> None:
    same_moment = [a_crash(NOVEMBER_MS) for _ in range(15)]
    spread = [a_crash(NOVEMBER_MS + number) for number in range(10)]
    store.index("crash", same_moment + spread)
    eventually(lambda: len(found(store)), 25)
    seen: list[str] = []
    cursor = None
    while True:
        page = store.search(cursor=cursor, limit=10)
        seen += [item["id"] for item in page.items]
        newer = a_crash(NOVEMBER_MS + 60_000)
        store.index("crash", [newer])
        eventually(lambda: newer.id in found(store), True)  # noqa: B023 - runs in this turn
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted((str(record.id) for record in same_moment + spread), reverse=True)


@pytest.mark.parametrize("cursor", ["", "x", "\u2603", "AAAA", "A" * 22, "A" * 5000, "W10"])
def test_a_forged_cursor_is_refused(store: SearchStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        store.search(cursor=cursor)


class SmallDoor(BaseHTTPRequestHandler):
    """Hands requests on to the real server, but for those above its size."""

    behind = ""
    most_bytes = 20_000

    def do_POST(self) -> None:
        self.hand_on("POST")

    def do_PUT(self) -> None:
        self.hand_on("PUT")

    def hand_on(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if len(body) > self.most_bytes:
            self.answer(413, {"X-Elastic-Product": "Elasticsearch"}, b"")
            return
        kept = {name: self.headers[name] for name in ("accept", "content-type")}
        answer = urllib3.request(method, self.behind + self.path, body=body, headers=kept)
        headers = {name: answer.headers[name] for name in ("content-type", "X-Elastic-Product")}
        self.answer(answer.status, headers, answer.data)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is inherited
        pass


@pytest.fixture
def small_door(own: Settings) -> Iterator[Settings]:
    """Settings of a server behind a proxy that takes small requests only."""
    handler = type("Door", (SmallDoor,), {"behind": own.elasticsearch_url.reveal().rstrip("/")})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        threading.Thread(target=proxy.serve_forever).start()
        yield replace(own, elasticsearch_url=Secret(f"http://127.0.0.1:{proxy.server_port}"))
        proxy.shutdown()


def test_a_request_too_large_for_the_server_goes_in_parts(
    store: SearchStore, small_door: Settings
) -> None:
    small = [a_crash(message="word " * 1000) for _ in range(9)]
    large = a_crash(custom={"texts": ["word " * 1600] * 8})
    through = SearchStore(small_door)
    failures = through.index("crash", [*small[:4], large, *small[4:]])
    through.close()
    assert [event_id for event_id, _ in failures] == [large.id]
    eventually(lambda: found(store), {record.id for record in small})


def test_a_large_batch_is_split_and_all_there(store: SearchStore) -> None:
    records = [a_crash(message="word " * 1600, custom={"a": "b " * 4000}) for _ in range(900)]
    assert store.index("crash", records) == []
    eventually(lambda: len(found(store, limit=1000)), 900)


def test_matches_beside_an_event_are_found_both_ways(store: SearchStore) -> None:
    words = ("even", "odd") * 3
    records = [a_crash(NOVEMBER_MS + n, message=f"{word} {n}") for n, word in enumerate(words)]
    other = a_crash(NOVEMBER_MS + 3, class_name="OtherError", message="odd")
    assert store.index("crash", [*records, other]) == []
    eventually(lambda: len(found(store)), 7)
    ids = [record.id for record in records]
    group = records[0].group
    assert group is not None
    of_group = [group.group_id(1)]
    odd = parse_query("message:odd")

    def beside(event: UUID | None = None, **more: Any) -> list[UUID]:
        return store.beside(1, of_group, odd, KEEP_ALL, event, **more)

    assert beside() == [ids[5]]
    assert beside(limit=9) == [ids[5], ids[3], ids[1]]
    assert beside(ids[3]) == [ids[1]]
    assert beside(ids[2]) == [ids[1]]
    assert beside(ids[3], newer=True) == [ids[5]]
    assert beside(ids[0], newer=True, limit=9) == [ids[1], ids[3], ids[5]]
    assert beside(ids[5], newer=True) == []
    floor = Floors({"crash": NOVEMBER_MS + 2}, {}, {})
    assert store.beside(1, of_group, odd, floor, limit=9) == [ids[5], ids[3]]


def test_documents_give_the_fields_that_are_asked_for(store: SearchStore) -> None:
    known = a_crash(facets={"os": "Plan 9"}, user={"identifier": "ann"}, url="https://x.example")
    missing = a_crash()
    assert store.index("crash", [known]) == []

    def ask() -> dict[UUID, Any]:
        fields = ["facets.os", "user.identifier"]
        return store.documents("crash", [known.id, missing.id], fields)

    eventually(lambda: list(ask()), [known.id])
    assert ask()[known.id] == {
        "id": str(known.id),
        "facets": {"os": "Plan 9"},
        "user": {"identifier": "ann"},
    }
