"""Any bytes, and any mutation of real requests of Sentry's: read, or refused with a code.

``SLUICE_TEST_FUZZ`` is how many examples each test tries; some thousands take minutes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

import msgpack
import pytest
from every_stage import is_refused_later
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentry_samples import LIMITS, recorded
from test_sentry_reports import form, minidump

from app.errors import ApiError
from app.ingest.endpoint import IngestRequest, Intake
from app.ingest.sentry.endpoints import ENVELOPE, MINIDUMP, PIXEL, SECURITY, STORE, SentryEndpoint
from events.parse import loads
from events.record import Malformed
from events.sentry.wire import MAX_ITEMS, Item, open_parcel
from tests.unit.every_stage import AT_MS

EXAMPLES = int(os.environ.get("SLUICE_TEST_FUZZ", "60"))
SAMPLES = [sample for sample in recorded() if len(sample.body) < 20_000]
ITEMS = [
    (item.type, loads(item.payload))
    for sample in SAMPLES
    if sample.kind == "envelope"
    for item in open_parcel(sample.body).items
    if item.type != "attachment"
]

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Headers(dict[str, str]):
    """A request's headers, as both servers give them."""


def go_through(endpoint: SentryEndpoint, body: bytes, query: str = "", kind: str = "") -> None:
    """All that is done to a request at the door, and to its events in any stage."""
    request = IngestRequest(endpoint, query, Headers({"content-type": kind}), iter(()))
    try:
        submission = endpoint.understand(request, body, Intake(7, AT_MS, LIMITS))
    except ApiError as error:
        check_refusal(endpoint, request, error)
        return
    assert endpoint.accepted(submission).status == 200
    assert len(submission.ids) <= 3 * MAX_ITEMS
    for batch in submission.batches.values():
        for one in batch:
            is_refused_later(one.type, one.protocol, one.body)


def check_refusal(endpoint: SentryEndpoint, request: IngestRequest, error: ApiError) -> None:
    """A refusal is the sender's fault, and says why."""
    assert 400 <= error.status < 500
    answer = endpoint.refused(error, request)
    assert json.loads(answer.body)["error"]["code"] == error.code


@pytest.mark.parametrize("endpoint", [ENVELOPE, STORE, SECURITY, MINIDUMP])
@fuzz
@given(body=st.binary(max_size=400))
def test_any_bytes(endpoint: SentryEndpoint, body: bytes) -> None:
    go_through(endpoint, body)


@fuzz
@given(query=st.text(max_size=200))
def test_any_query_of_the_pixel(query: str) -> None:
    go_through(PIXEL, b"", f"sentry_data={query}")
    go_through(PIXEL, b"", query)


@fuzz
@given(body=st.binary(max_size=300), data=st.binary(max_size=300))
def test_any_form(body: bytes, data: bytes) -> None:
    go_through(MINIDUMP, body, kind="multipart/form-data; boundary=x")
    kind, whole = form(upload_file_minidump=data, sentry=body.decode("latin-1"))
    go_through(MINIDUMP, whole, kind=kind)
    kind, whole = form(upload_file_minidump=minidump(), dash_event=data, dash_breadcrumb1=body)
    go_through(MINIDUMP, whole, kind=kind)


_EDITS = st.lists(
    st.tuples(
        st.integers(0, 20_000),
        st.binary(max_size=6) | st.sampled_from([b"\n", b"{", b"}", b'"', b"\0", b"9", b"-1"]),
        st.integers(0, 6),
    ),
    max_size=8,
)


def edited(body: bytes, edits: Iterable[tuple[int, bytes, int]]) -> bytes:
    """A body with some places replaced by others, each of another length perhaps."""
    made = bytearray(body)
    for place, put, gone in edits:
        at = place % (len(made) or 1)
        made[at : at + gone] = put
    return bytes(made)


@fuzz
@given(sample=st.sampled_from(SAMPLES), edits=_EDITS)
def test_mutated_requests(sample: Any, edits: list[tuple[int, bytes, int]]) -> None:
    body = edited(sample.body, edits)
    go_through(ENVELOPE if sample.kind == "envelope" else STORE, body)


_LENGTHS = st.none() | st.integers(-3, 10**12) | st.just("7") | st.just(7.0) | st.booleans()


@fuzz
@given(
    picked=st.lists(
        st.tuples(st.sampled_from(ITEMS), st.integers(-3, 3), _LENGTHS, st.booleans()), max_size=6
    ),
    types=st.permutations(sorted({kind for kind, _ in ITEMS} | {"attachment", "replay_recording"})),
    end=st.sampled_from([b"", b"\n", b"\n\n", b"\r\n", b"{}"]),
)
def test_items_in_any_order_with_lengths_that_lie(
    picked: list[tuple[tuple[str, Any], int, Any, bool]], types: list[str], end: bytes
) -> None:
    lines = [b'{"event_id":"0123456789abcdef0123456789abcdef"}']
    for (kind, value), off, length, renamed in picked:
        payload = json.dumps(value).encode("utf-8", "surrogatepass")
        told = {"type": types[off] if renamed else kind, "length": len(payload) + off}
        if length is not None:
            told["length"] = length
        lines += [json.dumps(told).encode(), payload]
    go_through(ENVELOPE, b"\n".join(lines) + end)


_HOSTILE = st.sampled_from(
    [
        *(None, True, "", "x" * 5_000, "\0", "\ud800", 2**70, -(2**70), 1e308, "NaN", "-1", -1),
        *([], {}, [[[[[]]]]], {"": {"": {}}}, ["{{ default }}", None, 7], "0" * 32, "f" * 16),
        *({"values": [None, 7, {}]}, "2026-13-45T99:99:99Z", 10**18, "1e999", [{"x": []}] * 50),
    ]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys and numbers that lead there."""
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            found += _places(inner, (*path, at))
    return found


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(copy[path[0]], path[1:], new)
    return copy


@fuzz
@given(
    item=st.sampled_from(ITEMS),
    changes=st.lists(st.tuples(st.integers(0, 10**6), _HOSTILE), min_size=1, max_size=4),
)
def test_any_place_of_an_item_may_hold_anything(
    item: tuple[str, Any], changes: list[tuple[int, Any]]
) -> None:
    kind, value = item
    for place, new in changes:
        places = _places(value)
        value = _put(value, places[place % len(places)], new)
    payload = json.dumps(value).encode("utf-8", "surrogatepass")
    body = b"{}\n" + json.dumps({"type": kind, "length": len(payload)}).encode() + b"\n" + payload
    go_through(ENVELOPE, body)


@fuzz
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.binary(max_size=30),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([b"replay_event", b"replay_recording", b"replay_video", b"x"]),
                inner,
            )
        ),
        max_leaves=8,
    )
)
def test_any_video(value: Any) -> None:
    payload = msgpack.packb(value)
    header = json.dumps({"type": "replay_video", "length": len(payload)}).encode()
    go_through(ENVELOPE, b"{}\n" + header + b"\n" + payload)


@fuzz
@given(st.binary(max_size=200), _EDITS)
def test_what_is_opened_is_within_its_bytes(
    tail: bytes, edits: list[tuple[int, bytes, int]]
) -> None:
    """No item has bytes that its envelope has not."""
    try:
        parcel = open_parcel(edited(SAMPLES[0].body + tail, edits))
    except Malformed:
        return
    total = sum(len(item.payload) for item in parcel.items)
    assert total <= len(SAMPLES[0].body) + len(tail) + 6 * len(edits)
    assert all(isinstance(item, Item) for item in parcel.items)
