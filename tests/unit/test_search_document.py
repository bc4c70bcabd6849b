"""Search documents: bounded whatever an event holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from events.ids import new_id
from events.plain import INDEX, plain_object
from events.record import GroupKey, Record
from storage.search.bulk import encoded_document
from storage.search.document import MAX_CHARS, MAX_TEXT_CHARS, MAX_VALUES, document_of
from storage.search.mappings.crash import split_name

AT_MS = 1_795_000_000_123


def a_record(document: dict[str, Any], occurred_at: datetime | None = None) -> Record:
    group = GroupKey("fingerprint", "title", None)
    return Record(new_id(AT_MS), 7, occurred_at, None, (), lambda: document, group)


def test_common_fields_come_from_the_record() -> None:
    record = a_record({"class_name": "E"}, datetime(1, 1, 1, tzinfo=UTC))
    document = document_of("crash", record)
    assert document["id"] == str(record.id)
    assert document["received_at"] == "2026-11-18T11:06:40.123Z"
    assert document["occurred_at"] == "0001-01-01T00:00:00.000Z"
    assert document["group_id"] == str(record.group.group_id(7))  # type: ignore[union-attr]


def test_only_fields_of_the_mapping_are_sent() -> None:
    document = document_of("crash", a_record({"": 1, "..": 2, "surprise": 3, "id": "forged"}))
    assert set(document) == {"id", "type", "project_id", "received_at", "group_id"}
    assert document["id"] != "forged"


HOSTILE = [
    {f"key{number}": "v" * 1000 for number in range(10_000)},
    [["x" * 100_000] * 1000] * 1000,
    {"k" * 100_000: {"k" * 100_000: 10**400}},
    {"": {".": {"...": {" ": 1}}}},
    {"big": 10**4_000, "float": float("inf")},
    "a bare string",
    12,
]


@pytest.mark.parametrize("resource", HOSTILE)
def test_a_hostile_object_is_cut_to_size(resource: Any) -> None:
    document = document_of("metric", a_record({"resource": resource}))
    assert isinstance(document["resource"], dict)
    assert len(orjson.dumps(document)) < 2 * MAX_CHARS
    assert _values(document["resource"]) <= MAX_VALUES + 1


@pytest.mark.parametrize("custom", HOSTILE)
def test_hostile_custom_data_of_a_crash_is_cut_where_its_record_is_made(custom: Any) -> None:
    bounded = plain_object(custom, INDEX)
    document = document_of("crash", a_record({"custom": bounded}))
    assert isinstance(document["custom"], dict)
    assert len(orjson.dumps(document)) < 2 * MAX_CHARS
    assert _values(document["custom"]) <= INDEX.nodes + 2 * INDEX.depth
    assert not {"", ".", "...", " "} & set(_keys(document["custom"]))


def test_deep_objects_and_long_texts_are_cut() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    document = document_of("metric", a_record({"resource": deep, "service": "m" * 100_000}))
    assert len(document["service"]) == MAX_TEXT_CHARS
    assert str(document["resource"]).count("a") == 8
    assert str(plain_object(deep, INDEX)).count("a") == 8


def test_class_names_are_split_where_a_person_would() -> None:
    assert split_name("System.NullReferenceException").split() == [
        "NullReferenceException",
        "System",
        "Null",
        "Reference",
        "Exception",
    ]
    assert split_name("HTTPError").split() == ["HTTPError", "HTTP", "Error"]


def _keys(node: Any) -> list[str]:
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = list(node) if isinstance(node, dict) else []
    return own + [key for value in inside for key in _keys(value)]


def _values(node: Any) -> int:
    if isinstance(node, dict):
        return 1 + sum(_values(value) for value in node.values())
    if isinstance(node, list):
        return 1 + sum(_values(value) for value in node)
    return 1


def test_a_user_who_is_no_valid_text_is_indexed_all_the_same() -> None:
    odd = replace(a_record({"class_name": "E"}), user_key="ann\0\ud800")
    document = orjson.loads(encoded_document("crash", odd))
    assert document["user_key"] == "ann\u2400\ufffd"
