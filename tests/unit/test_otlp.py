"""OpenTelemetry's requests: what real SDKs sent, split and read; and what nobody should send."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from events import crash, metric, trace
from events.envelope import Envelope
from events.ids import new_id
from events.limits import Limits
from events.otlp.messages import LOGS, METRICS, TRACES, Signal
from events.otlp.split import KEY_ATTRIBUTE, Parts, key_in, split
from events.record import Malformed, Record
from tests.otlp_samples import RESOURCE, Recorded, Timed, joined, logs, put, recorded, traces

LIMITS = Limits(max_event_bytes=1 << 20, max_depth=500)
AT_MS = 1_795_414_100_000
SIGNALS = {"traces": TRACES, "metrics": METRICS, "logs": LOGS}
TYPES = {"trace": trace, "metric": metric, "crash": crash}


def parts_of(sample: Recorded) -> Parts:
    return split(SIGNALS[sample.signal], sample.encoding, sample.body, LIMITS)


def envelope(kind: str, protocol: str, body: bytes) -> Envelope:
    return Envelope(new_id(AT_MS), 1, kind, protocol, body)


def record(kind: str, protocol: str, body: bytes) -> Record:
    return TYPES[kind].normalise(envelope(kind, protocol, body))


def row(kind: str, protocol: str, body: bytes) -> dict[str, Any]:
    names = [column.name for column in TYPES[kind].COLUMNS]
    return dict(zip(names, record(kind, protocol, body).row, strict=True))


@pytest.mark.parametrize("sample", recorded(), ids=lambda sample: sample.name)
def test_a_recorded_request_is_one_event_as_it_was_sent(sample: Recorded) -> None:
    parts = parts_of(sample)
    first = parts.parts[0]
    assert (first.body, parts.refused) == (sample.body, 0)
    assert first.protocol == f"otlp.{sample.signal}.{sample.encoding}"
    told = row(first.event_type, first.protocol, first.body)
    assert told["service"] in ("shop", "shop-web")
    assert told["version"] == "4.2.0"
    for part in parts.parts:
        made = TYPES[part.event_type].picture(envelope(part.event_type, part.protocol, part.body))
        json.dumps(made, allow_nan=False)
        assert made["version"] == "4.2.0"


def test_recorded_exceptions_are_crashes_with_frames() -> None:
    found = {}
    for sample in recorded():
        for part in parts_of(sample).parts:
            if part.event_type == "crash":
                made = record("crash", part.protocol, part.body)
                assert made.group is not None
                found[sample.name] = (made.group.title, made.group.culprit)
    assert len(found) == 6
    assert found["otel-python/01-flask-instrumented-traces"] == (
        "shop.catalog.ProductMissing: no product 'GONE-1' in catalogue",
        "find (shop/catalog.py)",
    )
    assert found["otel-js/04-traces-json-traces"][1] == "Cart.checkout (web/shop.js)"


def test_a_collectors_request_is_an_event_for_each_service() -> None:
    other = {**RESOURCE, "service.name": "cart"}
    body = joined(traces(Timed("a")), traces(Timed("b"), resource=other), traces())
    parts = split(TRACES, "proto", body, LIMITS)
    rows = [row("trace", part.protocol, part.body) for part in parts.parts]
    assert [told["service"] for told in rows] == ["shop", "cart"]


def test_many_spans_are_several_events_that_lose_none() -> None:
    body = traces(*(Timed(f"s{number}") for number in range(2_345)))
    parts = split(TRACES, "proto", body, LIMITS)
    assert [part.items for part in parts.parts] == [1000, 1000, 345]
    small = split(TRACES, "proto", body, Limits(20_000, 500))
    assert sum(part.items for part in small.parts) == 2_345
    assert max(len(part.body) for part in small.parts) <= 20_000


def test_a_span_larger_than_an_event_is_refused_alone() -> None:
    parts = split(TRACES, "proto", traces(Timed("x" * 2_000_000), Timed("good")), LIMITS)
    assert (len(parts.parts), parts.refused, parts.too_large) == (1, 1, True)


def test_a_key_in_a_resource_is_found_and_not_stored() -> None:
    body = traces(Timed("a"), resource={**RESOURCE, KEY_ATTRIBUTE: "secret-key"})
    assert key_in(TRACES, "proto", body) == "secret-key"
    (part,) = split(TRACES, "proto", body, LIMITS).parts
    assert part.key == "secret-key"
    assert b"secret-key" not in part.body
    assert key_in(TRACES, "proto", traces(Timed("a"))) is None


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
@pytest.mark.parametrize("encoding", ["proto", "json"])
def test_nothing_is_no_event(signal: Signal, encoding: str) -> None:
    for body in [b""] if encoding == "proto" else [b"{}", b'{"resourceSpans": []}']:
        assert split(signal, encoding, body, LIMITS).parts == []


@pytest.mark.parametrize(
    ("encoding", "body", "code"),
    [
        ("proto", b"\x0a\xff\xff", "not_protobuf"),
        ("proto", b"{}", "not_protobuf"),
        ("proto", os.urandom(0) + b"\x0a\x05\x12\x03\x12\x01\xff", "not_protobuf"),
        ("json", b"\x0a\x00", "not_json"),
        ("json", b"[]", "not_an_object"),
        ("json", b'{"resourceSpans": {}}', "not_an_array"),
        ("json", b"[" * 2_000, "too_deep"),
    ],
)
def test_bodies_that_are_none(encoding: str, body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        split(TRACES, encoding, body, LIMITS)
    assert caught.value.code == code


@pytest.mark.parametrize("resource", ["\ud800", {"attributes": "\ud800"}, {"\ud800": 1}, 7, None])
@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_halves_of_characters_break_nothing(signal: Signal, resource: Any) -> None:
    resources, scopes, items = signal.names()
    body = {resources: [{"resource": resource, scopes: [{items: [{}, {"name": "\ud800"}]}]}]}
    split(signal, "json", json.dumps(body).encode(), LIMITS)


def test_times_that_cannot_be_are_kept_and_counted_as_what_they_are() -> None:
    body = traces(Timed("early", took=-5), Timed("long", took=1e9), Timed("plain"))
    made = record("trace", "otlp.traces.proto", body)
    told = dict(zip([column.name for column in trace.COLUMNS], made.row, strict=True))
    assert sorted(told["amounts"]) == [0, 10, 1e9]
    notes = trace.picture(envelope("trace", "otlp.traces.proto", body))["trace"]["notes"]
    assert notes == ["1 spans ended before they began: they count as 0 ms"]


@pytest.mark.parametrize("hours", [-24 * 30, 24 * 3, 10**7])
def test_a_clock_that_is_days_off_counts_in_the_minute_of_arrival(hours: int) -> None:
    base = (AT_MS + hours * 3_600_000) * 1_000_000
    if not 0 < base < 1 << 63:
        base = (1 << 63) - 10**9
    told = row("trace", "otlp.traces.proto", traces(Timed("x"), base_ns=base))
    assert told["minutes"] == (AT_MS // 60_000,)


def test_a_clock_that_is_an_hour_behind_is_believed() -> None:
    base = (AT_MS - 3_600_000) * 1_000_000
    told = row("trace", "otlp.traces.proto", traces(Timed("x"), base_ns=base))
    assert told["minutes"] == (AT_MS // 60_000 - 60,)


def test_names_with_values_are_one_operation() -> None:
    names = ["GET /cart/17", "GET /cart/18", "GET /cart/a1b2c3d4e5f60718293a4b5c"]
    made = record("trace", "otlp.traces.proto", traces(*map(Timed, names)))
    assert [series.name for series in made.series.values()] == ["GET /cart/#"]


def test_a_remote_parent_makes_a_transaction() -> None:
    parent = os.urandom(8)
    spans = Timed("served", parent=parent, kind=2), Timed("inside", parent=parent, kind=1)
    told = row("trace", "otlp.traces.proto", traces(*spans))
    (segment,) = json.loads(told["segments"])
    assert segment["name"] == "served"


def test_levels_of_logs_by_number_and_by_text() -> None:
    body = logs((1, "a"), (9, "b"), (13, "c"), (17, "d"), (24, "e"), (0, "f"), (99, "g"))
    told = trace.picture(envelope("trace", "otlp.logs.proto", body))["trace"]["logs"]
    assert [line["level"] for line in told] == [
        *("trace", "info", "warning", "error", "fatal", "info", "fatal")
    ]


@pytest.mark.parametrize("number", [-1, -3, -24, -(2**31)])
def test_a_negative_severity_is_none(number: int) -> None:
    """It is an int32 on the wire: a sender may say it, and is neither refused nor an error."""
    body = logs((number, "a"))
    parts = split(LOGS, "proto", body, LIMITS).parts
    assert [part.event_type for part in parts] == ["trace"]
    (told,) = trace.picture(envelope("trace", "otlp.logs.proto", body))["trace"]["logs"]
    assert told["level"] == "info"


def test_a_log_with_an_exception_is_a_crash_whatever_its_level() -> None:
    said = {"exception.type": "Boom", "exception.message": "it broke"}
    parts = split(LOGS, "proto", logs((9, "careful"), attributes=said), LIMITS).parts
    assert [part.event_type for part in parts] == ["trace", "crash"]
    made = crash.picture(envelope("crash", parts[1].protocol, parts[1].body))
    assert (made["error"]["class_name"], made["error"]["message"]) == ("Boom", "it broke")
    assert made["breadcrumbs"][0]["message"] == "careful"


def points(write: Any) -> dict[str, Any]:
    request = ExportMetricsServiceRequest()
    into = request.resource_metrics.add()
    put(into.resource.attributes, RESOURCE)
    write(into.scope_metrics.add().metrics.add(name="m", unit="s"))
    return row("metric", "otlp.metrics.proto", request.SerializeToString())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200])
def test_a_point_that_is_no_number_is_not_counted(value: float) -> None:
    told = points(lambda metric: metric.gauge.data_points.add(as_double=value))
    assert (told["points"], told["series"]) == (1, ())


def test_buckets_of_a_histogram_stand_for_their_values() -> None:
    def write(metric: Any) -> None:
        metric.histogram.aggregation_temporality = 1
        metric.histogram.data_points.add(
            count=6, sum=100.0, bucket_counts=[1, 2, 0, 3], explicit_bounds=[10, 20, math.inf]
        )

    told = points(write)
    assert told["amounts"][:3] == (5, 15, 20)
    assert told["counts"][:3] == (1, 2, 3)
    estimate = sum(a * c for a, c in zip(told["amounts"][:3], told["counts"][:3], strict=True))
    assert told["amounts"][3] == pytest.approx(100 - estimate)


def test_exponential_bins_stand_for_their_values() -> None:
    def write(metric: Any) -> None:
        metric.exponential_histogram.aggregation_temporality = 1
        point = metric.exponential_histogram.data_points.add(scale=0, zero_count=2, count=6)
        point.positive.offset = 3
        point.positive.bucket_counts.extend([1, 3])

    told = points(write)
    assert told["amounts"][:3] == (0, 2**3.5, 2**4.5)


def test_an_exponential_histogram_of_absurd_widths_is_bounded() -> None:
    def write(metric: Any) -> None:
        for scale, offset in ((-(2**31), 2**31 - 1), (2**31 - 1, -(2**31))):
            point = metric.exponential_histogram.data_points.add(scale=scale, count=1)
            point.positive.offset = offset
            point.positive.bucket_counts.append(1)

    assert points(write)["points"] == 2


def test_labels_are_bounded() -> None:
    def write(metric: Any) -> None:
        point = metric.gauge.data_points.add(as_double=1)
        put(point.attributes, {f"l{number}" * 100: "v" * 5_000 for number in range(100)})

    told = points(write)
    assert len(told["series"]) == 1


def test_what_accumulates_is_told_by_its_latest_point() -> None:
    def write(metric: Any) -> None:
        metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, 2
        for number in range(5):
            at = AT_MS * 1_000_000 + number
            metric.sum.data_points.add(as_int=number, time_unix_nano=at)

    told = points(write)
    assert (told["amounts"], told["kinds"]) == ((4,), (9,))
