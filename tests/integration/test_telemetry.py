"""Spans, metrics and logs from OTLP's paths through all stores, and back over the API."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from werkzeug.test import TestResponse

from config.settings import Settings
from tasks.erasing import drive_erasures
from tests.integration.api_world import World
from tests.integration.commands import Command
from tests.integration.pipeline import working
from tests.otlp_samples import RESOURCE, Timed, gauges, joined, logs, recorded, traces

PROTOBUF = "application/x-protobuf"
STACK = """Traceback (most recent call last):
  File "/srv/shop/cart.py", line 12, in checkout
    pay(total)
  File "/srv/shop/payments.py", line 7, in pay
    raise PaymentError(total)
shop.payments.PaymentError: declined
"""


@pytest.fixture
def send(world: World, project: str, worker: None) -> Any:
    """Posts a body with the project's key, and waits until the workers have stored all of it."""

    def post(path: str, body: bytes, kind: str = PROTOBUF, **headers: str) -> TestResponse:
        named = {"x-api-key": world.keys[project], **headers}
        answer = world.client.post(path, data=body, content_type=kind, headers=named)
        for event_id in answer.headers.get("Sluice-Event-Ids", "").split(","):
            if event_id:
                eventually(lambda one=event_id: world.json(f"/api/v1/receipts/{one}")["search"])
        return answer

    return post


@pytest.fixture(scope="module")
def worker(world: World, module_settings: Settings) -> Iterator[None]:
    """A worker in the world, which the shared one would empty."""
    world.stores.outbox.start()
    with working(module_settings):
        yield


def eventually(look: Any, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    return found


def ledger(world: World, project: str) -> dict[str, Any]:
    return dict(world.json(f"/api/v1/ledger?project={project}")["totals"])


def test_a_request_of_spans_is_one_event_that_can_be_read_back(
    world: World, project: str, send: Any
) -> None:
    trace_id, root = os.urandom(16), os.urandom(8)
    body = traces(
        Timed("GET /cart", took=40, span_id=root, kind=2),
        Timed("SELECT", 5, 10, parent=root, attributes={"db.system.name": "postgresql"}),
        trace_id=trace_id,
    )
    answer = send("/v1/traces", body)
    assert answer.status_code == 200
    assert answer.content_type == PROTOBUF
    assert answer.data == b""
    totals = ledger(world, project)
    assert (totals["accepted"], totals["stored"], totals["in_flight"]) == (1, 1, 0)
    told = world.json(f"/api/v1/traces/{trace_id.hex()}?project={project}")
    assert [(span["name"], span["depth"]) for span in told["spans"]] == [
        ("GET /cart", 0),
        ("SELECT", 1),
    ]
    assert told["spans"][1]["category"] == "db"
    assert told["duration_ms"] == pytest.approx(40, abs=0.01)
    event_id = told["spans"][0]["event_id"]
    raw = world.get(f"/api/v1/events/{event_id}/raw")
    assert (raw.data, raw.content_type) == (body, PROTOBUF)
    picture = world.json(f"/api/v1/events/{event_id}")
    assert (picture["type"], picture["version"]) == ("trace", "4.2.0")
    assert picture["trace"]["service"] == "shop"


def test_an_exception_of_a_span_is_a_crash_within_its_trace(
    world: World, project: str, send: Any
) -> None:
    trace_id = os.urandom(16)
    exception = {
        "exception.type": "shop.payments.PaymentError",
        "exception.message": "declined",
        "exception.stacktrace": STACK,
    }
    body = traces(Timed("POST /pay", kind=2, failed=True, exception=exception), trace_id=trace_id)
    assert send("/v1/traces", body).status_code == 200
    (group,) = world.json(f"/api/v1/groups?project={project}")["items"]
    assert group["title"] == "shop.payments.PaymentError: declined"
    assert group["culprit"] == "pay (shop/payments.py)"
    (crash,) = world.json(f"/api/v1/traces/{trace_id.hex()}")["crashes"]
    assert crash["group_id"] == group["id"]
    picture = world.json(f"/api/v1/events/{crash['id']}")
    assert picture["trace_id"] == trace_id.hex()
    assert [frame["method"] for frame in picture["error"]["frames"]] == ["pay", "checkout"]
    assert (picture["version"], picture["machine"]) == ("4.2.0", "web-1")
    totals = ledger(world, project)
    assert (totals["accepted"], totals["stored"]) == (2, 2)
    found = eventually(
        lambda: world.json(f"/api/v1/search?project={project}&q=trace:{trace_id.hex()}")["items"]
    )
    assert {item["type"] for item in found} <= {"crash", "trace"}


def test_logs_stay_with_their_trace_and_errors_become_crashes(
    world: World, project: str, send: Any
) -> None:
    trace_id = os.urandom(16)
    assert send("/v1/traces", traces(Timed("GET /"), trace_id=trace_id)).status_code == 200
    lines = logs((9, "cart has 3 lines"), (17, "payment failed"), trace_id=trace_id)
    assert send("/v1/logs", lines).status_code == 200
    told = world.json(f"/api/v1/traces/{trace_id.hex()}")
    assert [(log["level"], log["body"]) for log in told["logs"]] == [
        ("info", "cart has 3 lines"),
        ("error", "payment failed"),
    ]
    (crash,) = told["crashes"]
    assert crash["message"] == "payment failed"


def test_services_operations_and_points_over_time(world: World, project: str, send: Any) -> None:
    spans = [Timed("GET /", took=ms, kind=2, failed=ms > 90) for ms in range(1, 101)]
    assert send("/v1/traces", traces(*spans)).status_code == 200
    (service,) = world.json(f"/api/v1/apm/services?project={project}&apdex_ms=50")["items"]
    assert (service["service"], service["count"], service["errors"]) == ("shop", 100, 10)
    assert service["p95_ms"] == pytest.approx(95, rel=0.03)
    assert service["apdex"] == pytest.approx((50 + 25 - 10) / 100, abs=0.02)
    (operation,) = world.json(f"/api/v1/apm/operations?project={project}&service=shop")["items"]
    assert (operation["operation"], operation["category"]) == ("GET /", "server")
    assert operation["time_share"] == 1
    series = world.json(f"/api/v1/apm/series?project={project}&operation=GET%20/")
    assert sum(point["count"] for point in series["points"]) == 100
    assert series["limited"] == {"times": 0, "last_at": None}


def test_spans_are_found_by_what_holds_of_the_same_one(
    world: World, project: str, send: Any
) -> None:
    body = traces(
        Timed("GET /a", took=500, attributes={"tenant": "eu"}),
        Timed("GET /b", took=5, attributes={"tenant": "us"}),
    )
    assert send("/v1/traces", body).status_code == 200

    def names(query: str) -> list[str]:
        found = world.json(f"/api/v1/spans?project={project}&{query}")["items"]
        return [span["operation"] for span in found]

    assert eventually(lambda: names("attribute=tenant:eu")) == ["GET /a"]
    assert names("attribute=tenant:us&max_ms=10") == ["GET /b"]
    assert names("attribute=tenant:us&min_ms=10") == []
    assert names("service=shop") == ["GET /a", "GET /b"]
    assert names("service=other") == []
    found = world.json(f"/api/v1/search?project={project}&type=trace&q=operation:%22GET%20/a%22")
    assert [item["title"] for item in found["items"]] == ["shop: GET /a"]


def test_transactions_newest_and_slowest(world: World, project: str, send: Any) -> None:
    for number in range(3):
        root = os.urandom(8)
        spans = [
            Timed(f"job {'abc'[number]}", took=10 - number, span_id=root),
            Timed("step", parent=root),
        ]
        assert send("/v1/traces", traces(*spans)).status_code == 200
    listed = world.json(f"/api/v1/transactions?project={project}&limit=2")
    assert [item["name"] for item in listed["items"]] == ["job c", "job b"]
    cursor = listed["next_cursor"]
    rest = world.json(f"/api/v1/transactions?project={project}&limit=2&cursor={cursor}")
    assert [item["name"] for item in rest["items"]] == ["job a"]
    assert rest["next_cursor"] is None
    slow = world.json(f"/api/v1/transactions?project={project}&order=slowest")["items"]
    assert [item["name"] for item in slow] == ["job a", "job b", "job c"]


def test_a_metric_over_time_and_hosts(world: World, project: str, send: Any) -> None:
    assert send("/v1/metrics", gauges({"cpu.load": [0.2, 0.4], "queue.depth": [7]})).status_code
    listed = world.json(f"/api/v1/metrics?project={project}")
    assert [item["name"] for item in listed["items"]] == ["cpu.load", "queue.depth"]
    assert listed["labels"]["host"] == ["web-1"]
    told = world.json(f"/api/v1/metrics/cpu.load?project={project}&by=host")
    (series,) = told["series"]
    assert series["value"] == "web-1"
    (point,) = series["points"]
    assert (point["count"], point["most"]) == (2, 0.4)
    (host,) = world.json(f"/api/v1/hosts?project={project}")["items"]
    assert {level["name"] for level in host["levels"]} == {"cpu.load", "queue.depth"}
    missing = world.get(f"/api/v1/metrics/nothing?project={project}")
    assert missing.status_code == 404


def test_a_trace_over_two_services_puts_clocks_right(world: World, project: str, send: Any) -> None:
    trace_id, caller = os.urandom(16), os.urandom(8)
    front = traces(Timed("GET /", took=100, span_id=caller, kind=2), trace_id=trace_id)
    hours = 5 * 3_600_000
    back = traces(
        Timed("lookup", hours, 40, parent=caller, kind=2),
        Timed("ends early", took=-5, parent=b"\1" * 8),
        trace_id=trace_id,
        resource={**RESOURCE, "service.name": "catalogue"},
    )
    assert send("/v1/traces", joined(front, back)).status_code == 200
    assert ledger(world, project)["accepted"] == 2  # an event each resource
    told = world.json(f"/api/v1/traces/{trace_id.hex()}")
    by_name = {span["name"]: span for span in told["spans"]}
    assert by_name["lookup"]["depth"] == 1
    assert 0 <= by_name["lookup"]["offset_ms"] - by_name["GET /"]["offset_ms"] <= 60
    assert by_name["lookup"]["skew_ms"] == pytest.approx(30 - hours, abs=1)
    assert by_name["ends early"]["orphan"]
    assert by_name["ends early"]["ended_early"]
    assert len(told["notes"]) == 3


@pytest.mark.parametrize("sample", recorded(), ids=lambda sample: sample.name)
def test_recorded_requests(world: World, send: Any, sample: Any) -> None:
    kept = ("content-type", "content-encoding")
    headers = {name: value for name, value in sample.headers.items() if name in kept}
    kind = headers.pop("content-type")
    answer = send(sample.path, sample.wire, kind, **headers)
    assert answer.status_code == 200
    assert answer.data == (b"{}" if sample.encoding == "json" else b"")


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "code"),
    [
        ("/v1/traces", b"\xff\xff\xff", PROTOBUF, 400, "not_protobuf"),
        ("/v1/traces", traces(Timed("x"))[:-3], PROTOBUF, 400, "not_protobuf"),
        ("/v1/metrics", b'{"resourceMetrics": 7}', "application/json", 400, "not_an_array"),
        ("/v1/logs", b"[]", "application/json", 400, "not_an_object"),
        ("/v1/logs", b"{", "application/json", 400, "not_json"),
        ("/v1/traces", b"[" * 100_000, "application/json", 400, "too_deep"),
    ],
)
def test_bodies_that_are_refused(
    send: Any, path: str, body: bytes, kind: str, status: int, code: str
) -> None:
    answer = send(path, body, kind)
    assert answer.status_code == status
    if kind == PROTOBUF:
        told = Status.FromString(answer.data)
        assert (told.code, told.message.partition(":")[0]) == (3, code)
    else:
        assert answer.json["error"]["code"] == code
        assert answer.json["code"] == 3


def test_keys_in_their_places(world: World, project: str) -> None:
    key = world.keys[project]
    body = traces(Timed("x"), resource={**RESOURCE, "sluice.api_key": key})

    def status(data: bytes, **headers: str) -> int:
        answer = world.client.post("/v1/traces", data=data, content_type=PROTOBUF, headers=headers)
        return answer.status_code

    assert status(body) == 200
    assert status(traces(Timed("x"))) == 403
    assert status(traces(Timed("x")), Authorization=f"Bearer {key}") == 200
    assert status(traces(Timed("x")), Authorization="Bearer nothing") == 403
    other = traces(Timed("y"), resource={**RESOURCE, "sluice.api_key": "another"})
    answer = world.client.post(
        "/v1/traces", data=joined(body, other), content_type=PROTOBUF, headers={}
    )
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 1)
    raws = list(world.stores.broker._client.lrange("trace.files", 0, -1))
    assert all(key.encode() not in raw for raw in raws)


def test_one_bad_span_of_json_hurts_none_beside_it(world: World, project: str, send: Any) -> None:
    good = {"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": "good"}
    bad = {**good, "spanId": "zz", "startTimeUnixNano": {"a": 1}}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [good, bad, "no span", {"name": []}]}]}]}
    assert send("/v1/traces", json.dumps(body).encode(), "application/json").status_code == 200
    told = world.json(f"/api/v1/traces/{good['traceId']}?project={project}")
    assert [span["name"] for span in told["spans"]] == ["good"]
    picture = world.json(f"/api/v1/events/{told['spans'][0]['event_id']}")
    assert any("3 spans could not be read" in note for note in picture["trace"]["notes"])


def test_what_is_blanked_is_stored_nowhere(world: World, project: str, send: Any) -> None:
    trace_id = os.urandom(16)
    secret = {"http.request.header.cookie": "sid=12345", "url.full": "http://a/?password=hunter2"}
    assert send("/v1/traces", traces(Timed("x", attributes=secret), trace_id=trace_id))
    told = world.json(f"/api/v1/traces/{trace_id.hex()}")
    assert told["spans"][0]["attributes"] == {
        "http.request.header.cookie": "[redacted-by-sluice]",
        "url.full": "http://a/?password=[redacted-by-sluice]",
    }
    raw = world.get(f"/api/v1/events/{told['spans'][0]['event_id']}/raw")
    assert raw.headers["Sluice-Redacted"] == "2"
    assert b"hunter2" not in raw.data
    assert b"12345" not in raw.data


def test_a_request_too_large_for_an_event_is_several(world: World, project: str, send: Any) -> None:
    trace_id = os.urandom(16)
    spans = [Timed(f"step {number % 7}", took=1) for number in range(2_500)]
    body = gzip.compress(traces(*spans, trace_id=trace_id))
    answer = send("/v1/traces", body, Content_Encoding="gzip")
    assert answer.status_code == 200
    assert ledger(world, project)["stored"] == 3
    told = world.json(f"/api/v1/traces/{trace_id.hex()}")
    assert (told["span_count"], len(told["spans"])) == (2_500, 2_500)


def test_one_span_too_large_is_told_of(world: World, project: str, send: Any) -> None:
    body = traces(Timed("good"), Timed("x" * (2 << 20)))
    answer = send("/v1/traces", body)
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert partial.rejected_spans == 1
    assert "larger than" in partial.error_message
    assert send("/v1/traces", traces(Timed("x" * (2 << 20)))).status_code == 413


def test_no_spans_are_no_event(world: World, project: str, send: Any) -> None:
    assert send("/v1/traces", traces()).status_code == 200
    assert send("/v1/traces", b"").status_code == 200
    assert ledger(world, project)["accepted"] == 0


def test_an_erased_event_takes_what_was_counted_of_it(
    world: World, project: str, send: Any
) -> None:
    trace_id = os.urandom(16)
    for number in range(2):
        span = Timed("GET /", took=10 + number, kind=2)
        sent = traces(span, trace_id=trace_id if number else os.urandom(16))
        assert send("/v1/traces", sent).status_code == 200
    (span,) = world.json(f"/api/v1/traces/{trace_id.hex()}")["spans"]
    with world.stores.database.transaction() as cursor:
        cursor.execute("DELETE FROM trace_events WHERE id = %s", (UUID(span["event_id"]),))
    (left,) = world.json(f"/api/v1/apm/operations?project={project}")["items"]
    assert (left["count"], left["most_ms"]) == (1, 10)
    assert world.get(f"/api/v1/traces/{trace_id.hex()}").status_code == 404


def counted(world: World, project: str) -> list[Any]:
    """All that SQL derived of a project's spans and metrics."""
    number = world.numbers[project]
    columns = "series, minute, count, total, least, most, sketch::text"
    found: list[Any] = []
    with world.stores.database.transaction() as cursor:
        for kind in ("trace", "metric"):
            cursor.execute(
                f"SELECT {columns} FROM {kind}_minutes WHERE project_id = %s ORDER BY 1, 2",
                (number,),
            )
            found += cursor.fetchall()
        cursor.execute(
            "SELECT event_id, trace_id, span_id, name, duration_ms FROM trace_segments"
            " WHERE project_id = %s ORDER BY event_id, span_id",
            (number,),
        )
        return found + cursor.fetchall()


def test_a_day_that_is_made_anew_is_counted_the_same(
    world: World, project: str, send: Any, run: Command
) -> None:
    for number in range(3):
        assert send("/v1/traces", traces(Timed("GET /", took=number + 1, kind=2))).status_code
        assert send("/v1/metrics", gauges({"load": [number, 7.5]})).status_code == 200
    before = counted(world, project)
    assert len(before) >= 5
    today = datetime.now(UTC).date().isoformat()
    for kind in ("trace", "metric"):
        done = run("rebuild", "sql", "--from", today, "--to", today, "--type", kind, "--json")
        assert done.exit_code == 0, done.output
    assert counted(world, project) == before


def test_erasing_a_user_leaves_nothing_of_theirs(
    world: World, project: str, send: Any, run: Command
) -> None:
    resource = {**RESOURCE, "user.id": "ann"}
    assert send("/v1/traces", traces(Timed("GET /"), resource=resource)).status_code == 200
    assert send("/v1/metrics", gauges({"load": [1]}, resource)).status_code == 200
    assert send("/v1/traces", traces(Timed("GET /other"))).status_code == 200
    done = run("erase", "user", "ann", "--project", project, "--yes", "--json")
    assert done.exit_code == 0, done.output

    def names() -> set[str]:
        drive_erasures(world.stores.erasing)
        return {row[3] for row in counted(world, project) if len(row) == 5}

    eventually(lambda: names() == {"GET /other"})
    assert world.json(f"/api/v1/metrics?project={project}")["items"] == []
