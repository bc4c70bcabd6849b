"""Any bytes, and any mutation of real requests: read, or refused with a code; nothing else."""

from __future__ import annotations

import json
import os
from typing import Any

import psycopg2
import pytest
from every_stage import through_every_stage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.limits import Limits
from events.otlp.messages import LOGS, METRICS, TRACES, Signal
from events.otlp.split import split
from events.record import Malformed
from storage.sql.arrays import array_literal
from tests.otlp_samples import recorded

EXAMPLES = int(os.environ.get("SLUICE_TEST_FUZZ", "60"))
LIMITS = Limits(max_event_bytes=1 << 20, max_depth=500)
SIGNALS = {"traces": TRACES, "metrics": METRICS, "logs": LOGS}
SAMPLES = [sample for sample in recorded() if len(sample.body) < 6_000]

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def go_through(signal: Signal, encoding: str, body: bytes) -> None:
    """All that is done to a request in any stage."""
    try:
        parts = split(signal, encoding, body, LIMITS)
    except Malformed:
        return
    for part in parts.parts:
        through_every_stage(part.event_type, part.protocol, part.body)


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
@fuzz
@given(body=st.binary(max_size=300), encoding=st.sampled_from(["proto", "json"]))
def test_any_bytes(signal: Signal, body: bytes, encoding: str) -> None:
    go_through(signal, encoding, body)


@fuzz
@given(
    sample=st.sampled_from(SAMPLES),
    edits=st.lists(st.tuples(st.integers(0, 6_000), st.binary(max_size=4)), max_size=6),
)
def test_mutated_requests(sample: Any, edits: list[tuple[int, bytes]]) -> None:
    body = bytearray(sample.body)
    for place, put in edits:
        at = place % (len(body) or 1)
        body[at : at + len(put)] = put
    go_through(SIGNALS[sample.signal], sample.encoding, bytes(body))


_KEYS = st.sampled_from(
    [
        *("resource", "scope", "spans", "attributes", "key", "value", "stringValue", "intValue"),
        *("traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "events"),
        *("status", "code", "logRecords", "body", "severityNumber", "metrics", "gauge", "sum"),
        *("histogram", "dataPoints", "asDouble", "asInt", "bucketCounts", "explicitBounds"),
        *("exponentialHistogram", "positive", "scale", "count", "arrayValue", "values"),
        *("droppedAttributesCount", "password", "exception.type", ""),
    ]
)

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "-1", "9223372036854775808", "ff" * 16, "\ud800", "exception"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
@fuzz
@given(item=st.dictionaries(_KEYS, _VALUES, max_size=6), resource=_VALUES)
def test_json_of_any_shape(signal: Signal, item: Any, resource: Any) -> None:
    resources, scopes, items = signal.names()
    body = {resources: [{"resource": resource, scopes: [{items: [item, "exception", None]}]}]}
    text = json.dumps(body).encode("utf-8", "surrogatepass")
    go_through(signal, "json", text)


def test_errors_of_sql_literals_are_known() -> None:
    with pytest.raises((psycopg2.DataError, KeyError)):
        array_literal([object()])
