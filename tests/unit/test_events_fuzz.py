"""Whatever JSON a sender puts into a report, it becomes a record and a picture, or is malformed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from raygun_samples import assert_strict, crash_picture, crash_record, rum_picture, rum_record

from events.record import Malformed, Record

TEXT = st.text(alphabet=st.characters(codec=None), max_size=12)
CLIENTS = st.sampled_from(
    [
        "raygun4py",
        "raygun-node",
        "raygun-js",
        "raygun4go",
        "Raygun4Java",
        "Raygun4Net",
        "Apple",
        "x",
    ]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just(10**400)
NAMES = st.sampled_from(
    [
        "message",
        "className",
        "fileName",
        "lineNumber",
        "columnNumber",
        "methodName",
        "stackTrace",
        "innerError",
        "data",
        "innerErrors",
        "identifier",
        "email",
        "isAnonymous",
        "url",
        "headers",
        "level",
        "timestamp",
        "location",
        "customData",
        "symbol",
        "name",
        "stackFrames",
        "programCounter",
        "baseAddress",
        "crashed",
        "timing",
        "t",
        "du",
        "type",
        "parentResource",
    ]
)


def _upper(name: str) -> str:
    return name[0].upper() + name[1:]


KEYS = NAMES | NAMES.map(_upper) | TEXT
ANY: st.SearchStrategy[Any] = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
PARTS = st.sampled_from(
    [
        "error",
        "environment",
        "request",
        "response",
        "user",
        "tags",
        "userCustomData",
        "breadcrumbs",
        "version",
        "machineName",
        "groupingKey",
        "threads",
        "binaryImages",
        "client",
    ]
)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def check(record: Record, picture: dict[str, Any]) -> None:
    assert_strict(picture, record.document(), record.row, record.user_key)
    if record.group is not None:
        assert_strict(record.group.title, record.group.culprit, record.group.fingerprint)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(PARTS | PARTS.map(_upper), ANY), CLIENTS, SCALAR)
def test_any_report(details: dict[str, Any], client: str, occurred_on: Any) -> None:
    details.setdefault("client", {"name": client})
    body = encoded({"occurredOn": occurred_on, "details": details})
    check(crash_record(body), crash_picture(body))


@settings(deadline=None, max_examples=200)
@given(ANY, ANY, CLIENTS)
def test_any_stack(frame: Any, cause: Any, client: str) -> None:
    error = {"className": "E", "stackTrace": [frame, frame, frame], "innerError": cause}
    details = {"client": {"name": client}, "error": error, "threads": [frame]}
    body = encoded({"occurredOn": "2026-11-23T06:00:00Z", "details": details})
    check(crash_record(body), crash_picture(body))


@settings(deadline=None, max_examples=200)
@given(ANY, ANY, ANY)
def test_any_rum_item(data: Any, user: Any, session: Any) -> None:
    for inner in (data, json.dumps([data])):
        fields = {"type": "web_request_timing", "data": inner, "user": user, "sessionId": session}
        body = encoded(fields)
        check(rum_record(body), rum_picture(body))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=40) | ANY.map(encoded))
def test_any_bytes(body: bytes) -> None:
    for read in (crash_record, crash_picture, rum_record, rum_picture):
        with contextlib.suppress(Malformed):
            read(body)


def test_deep_chains_and_deep_values_together() -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = {"n": deep}
    error: dict[str, Any] = {"className": "E", "data": deep}
    for _ in range(80):
        frames = [{"methodName": "f", "localVariables": deep}]
        error = {"className": "E", "stackTrace": frames, "data": deep, "innerError": error}
    details = {"error": error, "userCustomData": deep, "breadcrumbs": [{"customData": deep}]}
    body = encoded({"occurredOn": "x", "details": {**details, "request": {"form": deep}}})
    check(crash_record(body), crash_picture(body))
