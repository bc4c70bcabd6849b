"""What becomes of Sentry's items that are no events: spans, logs, metrics, sessions, and more."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentry_samples import (
    AT_MS,
    LIMITS,
    Entry,
    contents_of,
    entries,
    envelope_of,
    parcel,
    recorded,
)

from events.identities import identities
from events.metric import read_metric
from events.record import Malformed, Record
from events.redact.redactor import Redactor
from events.redact.rules import Rules
from events.registry import event_type
from events.sentry.attachments import open_files
from events.sentry.items import sort_out
from events.sentry.wire import open_parcel
from events.telemetry import Log, Loss, MetricItem, Session, Span, TraceItem
from events.trace import MAX_SPANS, read_trace

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
ID = "0123456789abcdef0123456789abcdef"


def one(kind: str, payload: Any, **header: Any) -> Entry:
    """The event that an item becomes."""
    (entry,) = several(kind, payload, **header)
    return entry


def several(kind: str, payload: Any, **header: Any) -> list[Entry]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    contents = sort_out(
        open_parcel(parcel(({"type": kind, "length": len(body)}, body), header=header)), LIMITS
    )
    if contents.faults:
        raise contents.faults[0]
    return contents.entries


def trace(kind: str, payload: Any) -> TraceItem:
    return read_trace(envelope_of(one(kind, payload)))


def metric(kind: str, payload: Any) -> MetricItem:
    return read_metric(envelope_of(one(kind, payload)))


def record(entry: Entry) -> Record:
    return event_type(entry.event_type).normalise(envelope_of(entry))


def picture(entry: Entry) -> dict[str, Any]:
    return event_type(entry.event_type).picture(envelope_of(entry))


def sample(event_type: str, name: str) -> Entry:
    return next(entry for found, entry in entries(event_type) if found == name)


EVERYTHING = [
    pytest.param(entry, id=f"{kind} {name}")
    for kind in ("trace", "metric", "rum")
    for name, entry in entries(kind)
]


def test_every_recorded_item_becomes_an_event() -> None:
    """None of what real SDKs send is refused or ignored."""
    for sent in recorded():
        contents = contents_of(sent)
        assert (contents.faults, dict(contents.ignored)) == ([], {}), sent.name
    assert len(EVERYTHING) == 67


@pytest.mark.parametrize("entry", EVERYTHING)
def test_every_recorded_item_has_a_record_and_a_picture(entry: Entry) -> None:
    made = record(entry)
    document = made.document() if callable(made.document) else made.document
    shown = picture(entry)
    for value in (document, shown):
        assert orjson.loads(orjson.dumps(value)) == value
    assert shown["occurred_at"] or entry.protocol == "sentry.check_in"
    assert not identities(envelope_of(entry)).users - {"zoe@example.test", "ζ-77"}


#: Recorded items that hold secrets: a header of a request, and what SDKs say of fields they cut.
SECRETS = {"node/10-express-span-3": 2, "python-2/14-flask-request-transaction-3": 4}


@pytest.mark.parametrize("kind", ["trace", "metric", "rum"])
def test_redaction_leaves_all_else_as_it_was(kind: str) -> None:
    redactor = Redactor(Rules())
    for name, entry in entries(kind):
        redacted = redactor.redact(envelope_of(entry))
        assert redacted.redacted == SECRETS.get(name, 0), name
        if not redacted.redacted:
            assert redacted.body is entry.body
        again = record(entry._replace(payload=redacted.body))
        assert (again.row, again.sdk_id) == (record(entry).row, record(entry).sdk_id)


def test_secrets_among_attributes_are_blanked_whatever_stands_around_them() -> None:
    fields = {"api_key": attribute("s3cret"), "n": attribute("card 4111 1111 1111 1111")}
    body = {"items": [streamed(attributes=fields)]}
    redacted = Redactor(Rules()).redact(envelope_of(one("span", body)))
    assert b"s3cret" not in redacted.body
    assert b"4111" not in redacted.body
    (span,) = read_trace(redacted).spans
    assert span.attributes["api_key"] == "[redacted-by-sluice]"


class TestTransactions:
    def test_a_recorded_task(self) -> None:
        entry = sample("trace", "python-2/05-celery-task-transaction-2")
        item = read_trace(envelope_of(entry))
        origin = item.origin
        assert (origin.service, origin.version) == ("shop", "shop@4.2.0")
        assert (origin.environment, origin.host) == ("production", "web-1")
        assert origin.client_name == "sentry.python.django"
        assert list(origin.tags) == [
            "status:ok",
            "celery_task_id:392d7250-c0f9-4750-a88f-c6e1342ae2ad",
        ]
        assert origin.attributes["runtime.version"] == "3.11.2"
        top, process, request = item.spans
        assert (top.name, top.op, top.segment) == ("shop.send_receipt", "queue.task.celery", True)
        assert (top.status, top.message) == ("error", "internal_error")
        assert top.end_ns is not None
        assert top.start_ns == 1_795_413_998_996_076_000
        assert top.end_ns - top.start_ns == 45_515_000
        assert (process.parent_id, process.op) == (top.span_id, "queue.process")
        assert process.attributes["messaging.system"] == "memory"
        assert (request.status, request.segment) == ("ok", False)
        assert request.name == "POST http://ingest.example.test:8000/api/42/envelope/"
        assert {span.trace_id for span in item.spans} == {top.trace_id}
        made = record(entry)
        assert made.sdk_id is not None
        assert made.sdk_id.hex == "ae4540166ef544dbbdbb0c81156c9d45"

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("ok", "ok"),
            (None, "unset"),
            ("cancelled", "unset"),
            ("unknown", "unset"),
            ("internal_error", "error"),
            ("not_found", "error"),
            ("unknown_error", "error"),
            (7, "error"),
            ({}, "unset"),
        ],
    )
    def test_what_failed(self, word: Any, status: str) -> None:
        item = trace("transaction", {"contexts": {"trace": {"status": word}}})
        assert item.spans[0].status == status

    def test_nothing_is_needed(self) -> None:
        item = trace("transaction", {"spans": [{}, 7, None]})
        assert [span.name for span in item.spans] == ["<unlabeled transaction>", ""]
        assert item.notes == ("2 spans are not objects",)
        assert item.spans[1].parent_id is None

    def test_the_application_s_own_data_is_kept(self) -> None:
        item = trace(
            "transaction",
            {
                "request": {"url": "https://shop/cart", "method": "POST"},
                "measurements": {"lcp": {"value": 12.5, "unit": "millisecond"}, "cls": 0.1},
                "extra": {"basket": [1]},
                "user": {"id": "u1", "username": "ann"},
            },
        )
        assert item.spans[0].attributes == {
            "http.request.method": "POST",
            "url.full": "https://shop/cart",
            "measurement.lcp": 12.5,
            "measurement.cls": 0.1,
            "extra.basket": [1],
        }
        assert item.origin.user.key == "u1"

    def test_it_may_come_through_the_older_endpoint(self) -> None:
        entry = one("event", {"type": "transaction", "event_id": ID})
        assert (entry.event_type, entry.protocol) == ("trace", "sentry.transaction")

    def test_the_envelope_may_tell_its_id(self) -> None:
        entry = one("transaction", {"transaction": "GET /"}, event_id=ID)
        assert entry.protocol == "sentry.named_transaction"
        made = record(entry)
        assert made.sdk_id is not None
        assert made.sdk_id.hex == ID
        assert picture(entry)["trace"]["spans"][0]["name"] == "GET /"

    def test_whose_it_is(self) -> None:
        user = {"id": "u1", "username": "ann", "email": "Ann@x"}
        body = {"user": user, "spans": [{"data": {"user.id": "u2"}}]}
        for entry in (one("transaction", body), one("transaction", body, event_id=ID)):
            found = identities(envelope_of(entry)).users
            assert found == {"u1", "ann", "Ann@x", "u2"}


def streamed(**fields: Any) -> dict[str, Any]:
    told = {"trace_id": TRACE, "span_id": SPAN, "name": "GET /cart", "status": "ok"}
    return {**told, "start_timestamp": 1.5, "end_timestamp": 2.0, **fields}


def attribute(value: Any) -> dict[str, Any]:
    return {"value": value, "type": "string"}


class TestSpans:
    def test_a_recorded_container(self) -> None:
        entry = sample("trace", "browser/10-manual-spans-span")
        item = read_trace(envelope_of(entry))
        sort, render = item.spans
        assert (sort.name, sort.parent_id, sort.op) == ("sort", render.span_id, "function")
        assert (render.segment, sort.segment) == (True, False)
        assert (item.origin.service, item.origin.client_version) == ("shop", "11.12.0")
        assert render.attributes["lines"] == 3
        assert "sentry.release" not in render.attributes
        (segment,) = orjson.loads(record(entry).row[6])
        assert (segment["name"], segment["ms"]) == ("render cart", 3.851)

    def test_all_that_a_span_may_have(self) -> None:
        link = {"trace_id": TRACE, "span_id": PARENT, "sampled": True}
        fields = {
            "parent_span_id": PARENT,
            "is_segment": True,
            "status": "error",
            "links": [link, {"trace_id": "x"}, 7],
            "attributes": {
                "sentry.op": attribute("http.server"),
                "sentry.kind": attribute("server"),
                "sentry.status.message": attribute("deadline_exceeded"),
                "n": {"value": 7, "type": "integer"},
                "plain": 8,
            },
        }
        (span,) = trace("span", {"items": [streamed(**fields)]}).spans
        assert span == Span(
            TRACE,
            SPAN,
            PARENT,
            "GET /cart",
            1_500_000_000,
            2_000_000_000,
            "error",
            segment=True,
            op="http.server",
            kind="server",
            message="deadline_exceeded",
            attributes={
                "sentry.op": "http.server",
                "sentry.kind": "server",
                "sentry.status.message": "deadline_exceeded",
                "n": 7,
                "plain": 8,
            },
            links=[(TRACE, PARENT)],
        )

    def test_a_span_alone(self) -> None:
        alone = {
            "trace_id": TRACE,
            "span_id": SPAN,
            "op": "ui.interaction.click",
            "description": "button",
            "start_timestamp": 1.5,
            "timestamp": 2,
            "is_segment": True,
            "data": {"sentry.release": "shop@1"},
            "measurements": {"inp": {"value": 88}},
        }
        item = trace("span", alone)
        (span,) = item.spans
        assert (span.name, span.segment, span.attributes["measurement.inp"]) == ("button", True, 88)
        assert (item.origin.service, item.origin.version) == ("shop", "shop@1")

    @pytest.mark.parametrize("kind", ["span", "log", "trace_metric"])
    def test_strange_items_are_told_of_and_cost_nothing(self, kind: str) -> None:
        entry = one(kind, {"items": [7, {}, {"attributes": [1]}, None]})
        shown = picture(entry)[entry.event_type]
        assert "2 items are not objects" in shown["notes"]
        record(entry)

    @pytest.mark.parametrize("kind", ["log", "trace_metric"])
    @pytest.mark.parametrize("payload", [{}, {"items": {}}, [], {"items": None}])
    def test_what_is_no_container_is_refused(self, kind: str, payload: Any) -> None:
        with pytest.raises(Malformed) as caught:
            several(kind, payload)
        assert caught.value.code == "bad_item"

    @pytest.mark.parametrize("kind", ["span", "log", "trace_metric"])
    def test_an_empty_container_is_no_event(self, kind: str) -> None:
        assert several(kind, {"version": 2, "items": []}) == []

    @pytest.mark.parametrize("space", ["", "\n "])
    def test_a_large_container_is_several_events_with_its_items_own_bytes(self, space: str) -> None:
        items = [json.dumps({"name": f"ü {n}", "x": "y" * 700}) for n in range(2500)]
        text = f'{space}{{"version":2, "items" :[{space}' + f",{space}".join(items) + '],"z":{}}'
        parts = several("span", text.encode())
        assert len(parts) == 3
        assert all(len(part.payload) <= LIMITS.max_event_bytes for part in parts)
        again = [item for part in parts for item in json.loads(part.payload)["items"]]
        assert again == [json.loads(item) for item in items]
        assert all(len(read_trace(envelope_of(part)).spans) <= MAX_SPANS for part in parts)
        assert b"".join(part.payload for part in parts).count(items[0].encode()) == 1

    def test_an_item_too_large_is_refused_alone(self) -> None:
        huge = {"name": "x" * (1 << 20)}
        body = json.dumps({"items": [{"name": "a"}, huge, {"name": "b"}]}).encode()
        contents = sort_out(open_parcel(parcel(({"type": "span"}, body))), LIMITS)
        assert [fault.code for fault in contents.faults] == ["too_large"]
        (entry,) = contents.entries
        assert [span.name for span in read_trace(envelope_of(entry)).spans] == ["a", "b"]


class TestLogs:
    def test_recorded_lines(self) -> None:
        item = read_trace(envelope_of(sample("trace", "go/10-structured-logs-log")))
        first, second = item.logs
        assert first == Log(
            1_795_414_290_813_659_000,
            "info",
            "cart c-9 has 3 lines",
            "46e29b32602fc9d648c90b0f127b91ab",
            None,
            {
                "n": 3,
                "region": "eu",
                "sentry.message.parameters.0": "c-9",
                "sentry.message.parameters.1": "3",
                "sentry.message.template": "cart %s has %d lines",
            },
        )
        assert (second.level, second.body) == ("error", "ünïcode 🛒 ␀ שלום")
        assert (item.origin.host, item.origin.service) == ("web-1", "orders")

    @pytest.mark.parametrize(
        ("fields", "level"),
        [
            ({"level": "warn"}, "warning"),
            ({"level": "WARNING"}, "warning"),
            ({"level": "critical"}, "fatal"),
            ({"severity_number": 3}, "trace"),
            ({"severity_number": 21}, "fatal"),
            ({"severity_number": 99}, "fatal"),
            ({"severity_number": -5}, "info"),
            ({"level": "strange"}, "info"),
            ({}, "info"),
        ],
    )
    def test_levels(self, fields: dict[str, Any], level: str) -> None:
        assert trace("log", {"items": [fields]}).logs[0].level == level

    def test_the_span_in_which_it_was(self) -> None:
        told = {"sentry.trace.parent_span_id": attribute(SPAN)}
        lines = trace("log", {"items": [{"attributes": told}, {"span_id": SPAN}, {}]}).logs
        assert [line.span_id for line in lines] == [SPAN, SPAN, None]

    def test_whose_it_is(self) -> None:
        items = [{"attributes": {"user.id": attribute("u1"), "user.email": attribute("a@x")}}]
        assert identities(envelope_of(one("log", {"items": items}))).users == {"u1", "a@x"}


class TestMetrics:
    def test_recorded_points(self) -> None:
        item = read_metric(envelope_of(sample("metric", "python-2/26-metrics-trace_metric")))
        told = [(p.name, p.kind, list(p.values), p.unit, dict(p.labels)) for p in item.points]
        assert told == [
            ("orders.placed", "counter", [(1.0, 1)], None, {"region": "eu"}),
            ("queue.depth", "gauge", [(42.5, 1)], "item", {}),
            ("checkout.time", "distribution", [(187.5, 1)], "millisecond", {"paid": True}),
        ]
        assert (item.origin.host, item.origin.version) == ("web-1", "shop@4.2.0")

    def test_points_without_a_number_are_told_of(self) -> None:
        good = {"name": "n", "type": "counter", "value": "2"}
        bad: list[Any] = [
            {"name": "n", "type": "counter", "value": None},
            {"name": "n", "type": "set", "value": 1},
            {"name": "n", "type": [], "value": 1},
            {"name": "n", "type": "gauge", "value": "NaN"},
        ]
        item = metric("trace_metric", {"items": [*bad, good]})
        assert [point.values for point in item.points] == [[(2.0, 1)]]
        assert item.notes == ("4 metrics have no number or no known type",)

    def test_whom_it_is_about_is_no_label(self) -> None:
        fields = {"user.id": attribute("u1"), "region": attribute("eu")}
        point = {"name": "n", "type": "counter", "value": 1, "attributes": fields}
        entry = one("trace_metric", {"items": [point]})
        assert read_metric(envelope_of(entry)).points[0].labels == {"region": "eu"}
        assert identities(envelope_of(entry)).users == {"u1"}

    def test_a_check_in_is_counted_and_timed(self) -> None:
        item = metric(
            "check_in", {"check_in_id": ID, "monitor_slug": "m", "status": "ok", "duration": 12.5}
        )
        count, took = item.points
        assert (count.name, count.labels) == (
            "monitor.check_ins",
            {"monitor": "m", "status": "ok"},
        )
        assert (took.name, took.unit, took.values) == ("monitor.duration", "second", [(12.5, 1)])

    def test_what_an_sdk_lost(self) -> None:
        told = [
            {"reason": "ratelimit_backoff", "category": "error", "quantity": 4},
            {"reason": "sample_rate", "category": "transaction", "quantity": 7},
            {"reason": "queue_overflow", "category": "error", "quantity": "3"},
            {"category": "nobody_knows", "quantity": 2},
            {"reason": "x", "category": "session", "quantity": -5},
            {"reason": "x", "category": "session", "quantity": 10**15},
            {"quantity": None},
            7,
        ]
        entry = one("client_report", {"timestamp": 1, "discarded_events": told})
        item = read_metric(envelope_of(entry))
        assert item.losses[0] == Loss("crash", "error", "ratelimit_backoff", 4)
        assert len(item.losses) == len(item.points) == 5
        assert record(entry).lost == {"crash": 7, "trace": 7, "metric": 2 + 10**9}


class TestSessions:
    def test_a_recorded_session(self) -> None:
        item = read_metric(envelope_of(sample("metric", "python-1/13-session-session-2")))
        assert item.sessions == [
            Session(
                "60fe012b61c34b9db03a35258d81c656",
                1_795_414_028_761_398_000,
                1_795_414_028_764_971_000,
                "exited",
                errors=1,
            )
        ]
        assert (item.origin.service, item.origin.environment) == ("shop", "production")

    def test_recorded_counts(self) -> None:
        item = read_metric(envelope_of(sample("metric", "node/11-express-sessions-4")))
        (counts,) = item.session_counts
        assert (counts.exited, counts.crashed, counts.errored) == (1, 2, 0)
        assert counts.started_ns == 1_795_414_020_000_000_000

    @pytest.mark.parametrize(
        ("word", "status", "notes"),
        [
            ("unhandled", "errored", 0),
            ("abnormal", "abnormal", 0),
            (None, "ok", 0),
            ("strange", "ok", 1),
        ],
    )
    def test_statuses(self, word: str | None, status: str, notes: int) -> None:
        item = metric("session", {"sid": ID, "status": word})
        assert (item.sessions[0].status, len(item.notes)) == (status, notes)

    def test_hostile_numbers_are_bounded(self) -> None:
        entry = one(
            "session", {"sid": "x", "errors": -7, "seq": "9" * 40, "started": 1e300, "did": "u1"}
        )
        record(entry)
        (session,) = read_metric(envelope_of(entry)).sessions
        assert (session.errors, session.sequence, session.started_ns) == (0, None, None)
        assert identities(envelope_of(entry)).users == {"u1"}
        counts = one("sessions", {"aggregates": [{"exited": -1, "crashed": 1e300}, 7, {}]})
        record(counts)

    def test_without_an_id_each_is_its_own(self) -> None:
        ids = {metric("session", {"status": "ok", "n": n}).sessions[0].id for n in range(3)}
        assert len(ids) == 3


FEEDBACK = {
    "event_id": ID,
    "contexts": {
        "feedback": {
            "message": "it does nothing",
            "contact_email": "zoe@x",
            "name": "Zoë",
            "associated_event_id": "17161ec6667644ffaf00c920953b0500",
            "url": "https://shop/cart",
        }
    },
    "user": {"id": "u1"},
}


class TestFeedback:
    def test_what_a_user_said_of_a_crash(self) -> None:
        entry = one("feedback", FEEDBACK)
        made = record(entry)
        assert made.about is not None
        assert made.about.hex == "17161ec6667644ffaf00c920953b0500"
        assert made.sdk_id is not None
        shown = picture(entry)
        assert shown["rum"]["message"] == "it does nothing"
        assert shown["rum"]["kind"] == "feedback"
        assert shown["rum"]["page"] == "https://shop/cart"
        assert shown["user"]["email"] == "zoe@x"
        assert identities(envelope_of(entry)).users == {"u1", "zoe@x"}

    def test_its_screenshots_go_with_it(self) -> None:
        body = json.dumps(FEEDBACK).encode()
        item = {"type": "attachment", "length": 3, "filename": "screenshot.png"}
        contents = sort_out(
            open_parcel(parcel(({"type": "feedback"}, body), (item, b"PNG"))), LIMITS
        )
        (entry,) = contents.entries
        opened = open_files(entry.body)
        assert (opened.protocol, [file.name for file in opened.files]) == (
            "sentry.feedback",
            ["screenshot.png"],
        )
        assert identities(envelope_of(entry)).users == {"u1", "zoe@x"}

    def test_the_older_form(self) -> None:
        report = {"event_id": ID, "name": "Zoë", "email": "z@x", "comments": "broken"}
        entry = one("user_report", report)
        made = record(entry)
        assert (made.about is not None and made.about.hex) == ID
        assert made.sdk_id is None
        assert picture(entry)["rum"]["message"] == "broken"
        assert identities(envelope_of(entry)).users == {"z@x"}


class TestFiles:
    def test_files_that_come_alone_tell_whose_they_are(self) -> None:
        item = {"type": "attachment", "length": 1, "filename": "a"}
        body = parcel((item, b"x"), header={"event_id": ID})
        (entry,) = sort_out(open_parcel(body), LIMITS).entries
        opened = open_files(entry.body)
        assert (entry.event_type, opened.protocol) == ("rum", "sentry.attachments")
        made = record(Entry("rum", opened.protocol, opened.body))
        assert (made.about is not None and made.about.hex) == ID
        assert made.row[0] == "attachments"

    def test_a_recording_goes_with_its_replay(self) -> None:
        event = {"replay_id": ID, "event_id": ID, "segment_id": 3, "urls": ["https://shop/"]}
        recording = b'{"segment_id":3}\n' + b"\x78\x9c\x00\xff"
        contents = sort_out(
            open_parcel(
                parcel(
                    ({"type": "replay_event"}, json.dumps(event).encode()),
                    ({"type": "replay_recording", "length": len(recording)}, recording),
                )
            ),
            LIMITS,
        )
        (entry,) = contents.entries
        opened = open_files(entry.body)
        assert opened.protocol == "sentry.replay"
        assert [(file.name, file.data) for file in opened.files] == [("recording", recording)]
        made = record(Entry("rum", opened.protocol, opened.body, entry.sdk_id))
        assert made.row[:3] == ("replay", ID, "https://shop/")
        assert made.sdk_id == entry.sdk_id != one("replay_event", event | {"segment_id": 4}).sdk_id
        assert identities(envelope_of(entry)).session == ID

    def test_a_recording_alone_is_counted(self) -> None:
        contents = sort_out(open_parcel(parcel(({"type": "replay_recording"}, b"x"))), LIMITS)
        assert (contents.entries, dict(contents.ignored)) == ([], {"replay_recording": 1})

    def test_a_video_of_a_mobile_application(self) -> None:
        parts = {
            "replay_event": json.dumps({"replay_id": ID, "segment_id": 0}).encode(),
            "replay_recording": b"r",
            "replay_video": b"v" * 100,
        }
        entry = one("replay_video", msgpack.packb(parts))
        opened = open_files(entry.body)
        assert [(file.name, len(file.data)) for file in opened.files] == [
            ("recording", 1),
            ("video", 100),
        ]

    @pytest.mark.parametrize(
        "payload",
        [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x81\xa1a\x01", b"\x80", b"\xdf" + b"\xff" * 4],
    )
    def test_a_video_that_is_none_is_refused(self, payload: bytes) -> None:
        with pytest.raises(Malformed) as caught:
            several("replay_video", payload)
        assert caught.value.code == "bad_item"

    def test_a_recorded_profile_is_a_line_in_its_trace_and_a_file(self) -> None:
        name = "python-2/28-profile-profile+transaction"
        sent = next(one for one in recorded() if one.name == name)
        profile, transaction = contents_of(sent).entries
        opened = open_files(profile.body)
        ((file,)) = opened.files
        assert file.data in sent.body
        assert json.loads(file.data)["profile"]["samples"]
        entry = Entry("trace", opened.protocol, opened.body)
        (line,) = read_trace(envelope_of(entry)).logs
        assert line.trace_id == read_trace(envelope_of(transaction)).spans[0].trace_id
        assert line.body == "Profile of price table"
        assert len(opened.body) < 2_000 < len(file.data)

    def test_a_large_profile_is_taken(self) -> None:
        samples = [{"stack_id": n} for n in range(100_000)]
        entry = one("profile_chunk", {"chunk_id": ID, "profile": {"samples": samples}})
        opened = open_files(entry.body)
        (line,) = read_trace(envelope_of(Entry("trace", opened.protocol, opened.body))).logs
        assert line.attributes["profile.samples"] == 100_000


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=20,
)
_NAMES = st.sampled_from(
    [
        *("spans", "contexts", "trace", "items", "attributes", "value", "type", "timestamp"),
        *("start_timestamp", "aggregates", "attrs", "discarded_events", "quantity", "user"),
        *("profile", "transaction", "links", "sdk", "release", "measurements", "status"),
    ]
)
# Hypothesis makes its table of characters at the first text, in a second that is no test's.
st.text().validate()
_LIKELY = st.recursive(
    _JSON,
    lambda inner: st.dictionaries(_NAMES, inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=30,
)
_KINDS = (
    *("transaction", "span", "log", "trace_metric", "session", "sessions", "check_in"),
    *("client_report", "feedback", "user_report", "replay_event", "profile", "profile_chunk"),
)


@given(st.sampled_from(_KINDS), st.dictionaries(_NAMES, _LIKELY, max_size=8))
def test_whatever_an_item_holds_it_is_read_or_refused(kind: str, payload: dict[str, Any]) -> None:
    try:
        made = several(kind, json.dumps(payload).encode())
    except Malformed:
        return
    for entry in made:
        if entry.protocol == "sentry.envelope":
            opened = open_files(entry.body)
            entry = Entry(entry.event_type, opened.protocol, opened.body)  # noqa: PLW2901
        identities(envelope_of(entry))
        try:
            found = record(entry)
        except Malformed:
            continue
        document = found.document() if callable(found.document) else found.document
        orjson.dumps([document, picture(entry)])
        assert found.id.int >> 80 == AT_MS
