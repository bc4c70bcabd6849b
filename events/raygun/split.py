"""Splits request bodies into events: exact byte slices, so that raw stays raw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events.cursor import TOO_DEEP, JsonCursor
from events.fields import lowered
from events.limits import Limits, check_size
from events.parse import check_depth, loads
from events.record import Malformed

#: Events of one body. The smallest real ones would fill the largest body with fewer.
MAX_ITEMS = 50_000

Items = list[bytes | Malformed]
_Check = Callable[[Any], None]


def split_entry(body: bytes, limits: Limits) -> Items:
    """The one crash of ``POST /entries``: the whole body. Raises :class:`Malformed`."""
    check_size(body, limits)
    check_entry(loads(body, limits.max_depth))
    return [body]


def split_bulk(body: bytes, limits: Limits) -> Items:
    """The crashes of ``POST /entries/bulk`` in order, and for each bad one what is wrong with it.

    Raises :class:`Malformed` when the body as a whole is not a JSON array with something in it.
    """
    cursor = JsonCursor(body, limits.max_event_bytes)
    items = _array(cursor, body, limits, check_entry)
    cursor.finish()
    return _some(items)


def split_rum(body: bytes, limits: Limits) -> Items:
    """The items of ``eventData``, in any letter case, of ``/events``; as :func:`split_bulk`."""
    cursor = JsonCursor(body, limits.max_event_bytes)
    if cursor.peek() not in {"{", ""}:
        cursor.value()
        cursor.finish()
        raise Malformed("not_an_object", "The body is not a JSON object.")
    items: Items | None = None
    for key in cursor.members():
        if key.lower() == "eventdata" and items is None:
            items = _array(cursor, body, limits, check_rum)
        else:
            cursor.value()
    cursor.finish()
    if items is None:
        raise Malformed("missing_field", "The body has no eventData.")
    return _some(items)


def check_entry(value: Any) -> None:
    """Raises :class:`Malformed` unless it is a report with ``occurredOn`` and ``details``."""
    entry = _object(value)
    if "occurredon" not in entry:
        raise Malformed("missing_field", "The report has no occurredOn.")
    if not isinstance(entry.get("details"), dict):
        raise Malformed("missing_field", "The report has no details object.")


def check_rum(value: Any) -> None:
    """Raises :class:`Malformed` unless the value is an object that names its ``type``."""
    kind = _object(value).get("type")
    if not isinstance(kind, str) or not kind:
        raise Malformed("missing_field", "The RUM item has no type.")


def _array(cursor: JsonCursor, body: bytes, limits: Limits, check: _Check) -> Items:
    if cursor.peek() not in {"[", ""}:
        cursor.value()
        raise Malformed("not_an_array", "The events are not in a JSON array.")
    items: Items = []
    for start, value in cursor.elements():
        if len(items) == MAX_ITEMS:
            raise Malformed("too_many", f"The body holds more than {MAX_ITEMS} events.")
        items.append(_item(body[start : cursor.at], value, limits, check))
    return items


def _item(item: bytes, value: Any, limits: Limits, check: _Check) -> bytes | Malformed:
    try:
        check_size(item, limits)
        _check_depth(item, value, limits)
        check(value)
    except Malformed as exc:
        return exc.with_traceback(None)  # a traceback would keep the whole body alive
    return item


def _some(items: Items) -> Items:
    if not items:
        raise Malformed("no_events", "The body holds no events.")
    return items


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The event is not a JSON object.")
    return lowered(value)


def _check_depth(item: bytes, value: Any, limits: Limits) -> None:
    if value is TOO_DEEP:
        raise Malformed("too_deep", f"The JSON nests deeper than {limits.max_depth} levels.")
    check_depth(item, limits.max_depth)
