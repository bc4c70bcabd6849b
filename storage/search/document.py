"""The search document of a record, bounded, so that no event can hurt the index.

The payload itself stays whole in its pack; here long strings, deep objects and endless lists are
cut. Only fields that the type's mapping names are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from events.ids import id_time
from events.record import Record
from events.versions import ordering
from storage.search.mappings import mapping_of, properties

MAX_TEXT_CHARS = 8192
MAX_KEY_CHARS = 200
MAX_DEPTH = 8
MAX_VALUES = 1000
MAX_CHARS = 128 * 1024

_INT64 = 1 << 63


Clean = Callable[[str], str]
"""What is applied to every string of a document."""


class _Cutter:
    """Copies values of one document until its budget of values and characters is spent."""

    def __init__(self, clean: Clean | None) -> None:
        self._clean = clean
        self._values = MAX_VALUES
        self._chars = MAX_CHARS

    def cut(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value, MAX_TEXT_CHARS)
        if kind is dict:
            return self._mapping(value, depth)
        if kind is list or kind is tuple:
            return self._sequence(value, depth)
        if kind is int and not -_INT64 <= value < _INT64:
            return _digits(value)
        return value

    def _text(self, text: str, limit: int) -> str:
        size = len(text)
        if size > limit or size > self._chars:
            size = min(limit, self._chars)
            text = text[:size]
        self._chars -= size
        return text if self._clean is None else self._clean(text)

    def _sequence(self, items: Iterable[Any], depth: int) -> list[Any]:
        copy: list[Any] = []
        if depth >= MAX_DEPTH:
            return copy
        for item in items:
            if self._values <= 0 or self._chars <= 0:
                break
            self._values -= 1
            copy.append(self.cut(item, depth + 1))
        return copy

    def _mapping(self, items: dict[Any, Any], depth: int) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        if depth >= MAX_DEPTH:
            return copy
        for key, item in items.items():
            if self._values <= 0 or self._chars <= 0:
                break
            self._values -= 1
            copy[self._key(key)] = self.cut(item, depth + 1)
        return copy

    def _key(self, key: Any) -> str:
        """Elasticsearch refuses empty keys, keys of dots alone, and NUL in keys."""
        text = self._text(str(key), MAX_KEY_CHARS)
        if text.isidentifier():
            return text
        text = text.replace("\0", "\u2400")
        return text if text.strip(". \t\r\n") else "(empty)"


def _digits(value: int) -> str:
    try:
        return str(value)[:MAX_KEY_CHARS]
    except ValueError:  # Python refuses to write integers of more than 4,300 digits
        return f"(integer of {value.bit_length()} bits)"


def timestamp(moment: datetime) -> str:
    """A time as documents carry it: ISO 8601, UTC, milliseconds."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def _fields(event_type: str, record: Record, clean: Clean | None) -> dict[str, Any]:
    given = record.document()
    named = properties(event_type)
    if mapping_of(event_type).BOUNDED and clean is None:
        return {name: value for name in named if (value := given.get(name)) is not None}
    cutter = _Cutter(clean)
    fields = {}
    for name, mapping in named.items():
        value = given.get(name)
        if value is None:
            continue
        value = cutter.cut(value)
        if mapping["type"] == "flattened" and not isinstance(value, dict):
            value = {"value": value}
        fields[name] = value
    return fields


def document_of(event_type: str, record: Record, clean: Clean | None = None) -> dict[str, Any]:
    """The document that is indexed under the record's id; ``clean`` is applied to every string."""
    fields = _fields(event_type, record, clean)
    fields.update(mapping_of(event_type).derived(fields))
    fields.update(
        id=str(record.id),
        type=event_type,
        project_id=record.project_id,
        received_at=timestamp(id_time(record.id)),
    )
    if record.user_key is not None:
        fields["user_key"] = record.user_key if clean is None else clean(record.user_key)
    version = fields.get("version")
    if isinstance(version, str) and (order := ordering(version)) is not None:
        fields["version_order"] = order
    if record.occurred_at is not None:
        fields["occurred_at"] = timestamp(record.occurred_at)
    if record.group is not None:
        fields["group_id"] = str(record.group.group_id(record.project_id))
    return fields
