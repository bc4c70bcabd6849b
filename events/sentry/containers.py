"""Items that hold many of a kind: spans, log lines, metrics. Each is an event, a large one several.

Their bytes are ``{"version": 2, "items": [{…, "attributes": {"name": {"value": …, "type": …}}}]}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from events.cursor import JsonCursor
from events.fields import members
from events.limits import Limits
from events.otlp.split import MAX_ITEMS
from events.parse import loads
from events.record import Malformed
from events.sentry.times import nanoseconds

_BEGIN, _BETWEEN, _END = b'{"version":2,"items":[', b",", b"]}"


def split_container(payload: bytes, limits: Limits) -> tuple[list[bytes], list[Malformed]]:
    """The bodies of a container's events, and the faults of items that are left out.

    Most are one event with the bytes as they are. Raises :class:`Malformed` for no container.
    """
    value = loads(payload, limits.max_depth)
    items = members(value).get("items")
    if not isinstance(items, list):
        raise Malformed("bad_item", "The item is not an object with a list of items.")
    if len(payload) <= limits.max_event_bytes and len(items) <= MAX_ITEMS:
        return ([payload] if items else []), []
    del value, items
    return _parts(payload, limits.max_event_bytes)


def _parts(payload: bytes, most: int) -> tuple[list[bytes], list[Malformed]]:
    bodies: list[bytes] = []
    faults: list[Malformed] = []
    part: list[bytes] = []
    size = 0
    room = most - len(_BEGIN) - len(_END)
    for item in _slices(payload, most):
        if len(item) > room:
            why = f"The item has {len(item)} bytes; SLUICE_MAX_EVENT_BYTES allows {most}."
            faults.append(Malformed("too_large", why))
            continue
        if part and (size + len(item) > room or len(part) == MAX_ITEMS):
            bodies.append(_joined(part))
            part, size = [], 0
        part.append(item)
        size += len(item) + len(_BETWEEN)
    if part:
        bodies.append(_joined(part))
    return bodies, faults


def _joined(part: Iterable[bytes]) -> bytes:
    return _BEGIN + _BETWEEN.join(part) + _END


def _slices(payload: bytes, most: int) -> Iterator[bytes]:
    """The exact bytes of each item."""
    cursor = JsonCursor(payload, most)
    for key in cursor.members():
        if key != "items":
            cursor.value()
            continue
        for start, _ in cursor.elements():
            yield payload[start : cursor.at]


def open_container(body: bytes) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """A container's items, and a note of those that are none; raises :class:`Malformed`."""
    items = members(loads(body)).get("items")
    if not isinstance(items, list):
        raise Malformed("bad_item", "The item is not an object with a list of items.")
    objects = [one for one in items if isinstance(one, dict)]
    strangers = len(items) - len(objects)
    return objects, (f"{strangers} items are not objects",) if strangers else ()


def attributes_in(item: dict[str, Any]) -> dict[str, Any]:
    """An item's attributes by name, without the type that each says it has."""
    return {
        name: one["value"] if isinstance(one, dict) and "value" in one else one
        for name, one in members(item.get("attributes")).items()
    }


def earliest(times: Iterable[int | None]) -> int | None:
    """The first of some times, in nanoseconds."""
    return min((at for at in times if at), default=None)


def at_of(item: dict[str, Any]) -> int | None:
    """When an item was, in nanoseconds since 1970."""
    return nanoseconds(item.get("timestamp"))
