from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raygun_samples import LIMITS, bodies, events_of, recorded

from events.raygun.split import Items, Limits, split_bulk, split_entry, split_rum
from events.record import Malformed

GOOD = b'{"occurredOn": "2026", "details": {}}'
RUM = b'{"type": "session_start"}'


def codes(items: Items) -> list[str]:
    return [item.code if isinstance(item, Malformed) else "ok" for item in items]


def code_of(split: Callable[[bytes, Limits], Items], body: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        split(body, LIMITS)
    return caught.value.code


def test_a_report_is_its_body_to_the_byte() -> None:
    body = b' \n{"OCCURREDON": null, "Details": {"x": "\xff"}} '
    assert split_entry(body, LIMITS) == [body]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b'{"occurredOn": "2026", "details": {', "not_json"),
        (b"12", "not_an_object"),
        (b"[]", "not_an_object"),
        (b'{"details": {}}', "missing_field"),
        (b'{"occurredOn": "2026"}', "missing_field"),
        (b'{"occurredOn": "2026", "details": 1}', "missing_field"),
        (b'{"occurredOn": 1, "details": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}", "too_deep"),
        (b'{"occurredOn": "' + b"2" * (1 << 20) + b'"}', "too_large"),
    ],
)
def test_what_is_no_report(body: bytes, code: str) -> None:
    assert code_of(split_entry, body) == code


def test_a_bulk_keeps_the_exact_bytes_of_its_items() -> None:
    second = '{"occurredOn":"x",  "details":{"a":"é😀]},{\\"","n":NaN, "i":1e400}}'.encode()
    body = b"\xef\xbb\xbf [\n" + GOOD + b" ,\t" + second + b"\n]\r\n"
    assert split_bulk(body, LIMITS) == [GOOD, second]


def test_a_bad_item_does_not_hurt_its_batch_mates() -> None:
    deep = b'{"occurredOn": 1, "details": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}"
    deepish = b'{"occurredOn": 1, "details": {"a": ' + b"[" * 600 + b"]" * 600 + b"}}"
    large = b'{"occurredOn": 1, "details": {"a": "' + b"x" * (1 << 20) + b'"}}'
    body = b"[" + b",".join([GOOD, b"1", deep, GOOD, b"{}", deepish, large, GOOD]) + b"]"
    assert codes(split_bulk(body, LIMITS)) == [
        "ok",
        "not_an_object",
        "too_deep",
        "ok",
        "missing_field",
        "too_deep",
        "too_large",
        "ok",
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"[", "not_json"),
        (b"[" + GOOD, "not_json"),
        (b"[" + GOOD + b"," + GOOD[:-5] + b"]", "not_json"),
        (b"[" + GOOD + b",]", "not_json"),
        (b"[" + GOOD + b"] x", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "no_events"),
        (GOOD, "not_an_array"),
        (b"nope", "not_json"),
    ],
)
def test_what_is_no_bulk(body: bytes, code: str) -> None:
    assert code_of(split_bulk, body) == code


def test_rum_items_in_any_letter_case() -> None:
    maui = b'{"Type": "mobile_event_timing", "SessionId": "s"}'
    body = b'{"x": {"eventData": 1}, "EventData": [' + RUM + b", " + maui + b'], "y": 2}'
    assert split_rum(body, LIMITS) == [RUM, maui]
    items = split_rum(b'{"eventData": [1, {}, {"type": ""}, ' + RUM + b"]}", LIMITS)
    assert codes(items) == ["not_an_object", "missing_field", "missing_field", "ok"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"[]", "not_an_object"),
        (b"{}", "missing_field"),
        (b'{"eventData": {}}', "not_an_array"),
        (b'{"eventData": []}', "no_events"),
        (b'{"eventData": [' + RUM + b"]", "not_json"),
        (b'{"eventData": [' + RUM + b"]} x", "not_json"),
        (b"{1: 2}", "not_json"),
    ],
)
def test_what_is_no_rum(body: bytes, code: str) -> None:
    assert code_of(split_rum, body) == code


def test_every_recorded_request_splits_into_all_of_its_events() -> None:
    for sample in recorded("entry", "bulk", "rum"):
        whole = json.loads(sample.body)
        expected = {"entry": [whole], "bulk": whole}.get(sample.kind) or whole["eventData"]
        assert [str(json.loads(item)) for item in events_of(sample)] == [str(e) for e in expected]


def test_a_large_bulk_splits_into_all_of_its_events() -> None:
    (crash,) = bodies("raygun-node/05-cause-chain")
    count = 1_600_000 // len(crash)
    body = b"[" + b",".join([crash] * count) + b"]"
    items = split_bulk(body, LIMITS)
    assert items == [crash] * count


def test_items_across_the_windows_of_a_long_body() -> None:
    small = Limits(max_event_bytes=100, max_depth=20)
    strings = [b'{"occurredOn":1,"details":{"n":"%s"}}' % (b"x" * n) for n in range(60)]
    assert split_bulk(b"[" + b" , ".join(strings) + b"]", small) == strings
    large = [b'{"a": [' + b'"]",' * n + b"1]}" for n in (30, 100, 400, 4000)]
    quoted = b'"' + rb"\\]\"" * 300 + b'"'
    items = split_bulk(b"[" + b",".join([GOOD, *large, GOOD, quoted, GOOD]) + b"]", small)
    assert codes(items) == ["ok", *["too_large"] * 4, "ok", "too_large", "ok"]
    ignored = b'{"x": ' + large[3] + b', "eventData": [' + RUM + b'], "y": ' + large[2] + b"}"
    assert split_rum(ignored, small) == [RUM]
    for broken in (b"[" + large[3][:-1], b"[" + large[3] + b"," + quoted[:-1], b"[" + b"1" * 900):
        assert code_of(split_bulk, broken) == "not_json"
        with pytest.raises(Malformed, match="not JSON"):
            split_bulk(broken, small)


@pytest.mark.parametrize("unit", [b"[],", b'"ab",', b"0,", b'{"a":"b"},'])
def test_millions_of_tiny_items_are_refused_early(unit: bytes) -> None:
    tiny = unit * ((8 << 20) // len(unit)) + b"0]"
    assert code_of(split_bulk, b"[" + tiny) == "too_many"
    assert codes(split_bulk(b"[[" + tiny + b"]", LIMITS)) == ["too_large"]


@pytest.mark.parametrize("split", [split_entry, split_bulk, split_rum])
@settings(deadline=None)
@given(
    body=st.binary(max_size=60)
    | st.text(alphabet='[]{}",:\\ntypeoccurredOnDetailsv 1', max_size=80).map(str.encode)
)
def test_any_bytes_split_or_are_malformed(
    split: Callable[[bytes, Limits], Items], body: bytes
) -> None:
    with contextlib.suppress(Malformed):
        split(body, LIMITS)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.none() | st.text() | st.floats()), min_size=1))
def test_slices_are_the_items(extras: list[dict[str, Any]]) -> None:
    items = [{"occurredOn": "x", "details": {"more": extra}} for extra in extras]
    for options in ({}, {"indent": 1}, {"ensure_ascii": False}):
        body = json.dumps(items, **options).encode("utf-8", "surrogatepass")
        found = split_bulk(body, LIMITS)
        assert [str(json.loads(item)) for item in found if isinstance(item, bytes)] == [
            str(item) for item in items
        ]
