"""The measurements of a RUM event: a JSON array inside a JSON string, numbers as strings."""

from __future__ import annotations

from typing import Any

from events.fields import integer, lowered, real
from events.parse import loads
from events.record import Malformed
from events.report import Timing
from events.text import as_text

MAX_TIMINGS = 1_000
_NAME = 1_000
_MAX_DETAILS = 40

#: ``timing.t`` of the browser, and ``timing.type`` of mobile SDKs.
_WEB = {
    "p": "page",
    "v": "virtual_page",
    "x": "xhr",
    "c": "asset",
    "e": "asset",
    "t": "custom",
    "w": "vital",
}
_MOBILE = {"p": "view", "n": "network", "t": "custom"}
_NOT_DETAILS = frozenset({"t", "type", "du", "duration", "a"})


def read_timings(data: Any) -> tuple[list[Timing], str | None]:
    """The timings in ``data``, and a note when some could not be read; never raises."""
    if data is None:
        return [], None
    items = data
    if isinstance(data, str):
        try:
            items = loads(data.encode("utf-8", "replace"))
        except Malformed as exc:
            return [], f"data cannot be read: {exc}"
    if not isinstance(items, list):
        return [], "data is not an array"
    timings = [_timing(lowered(item)) for item in items[:MAX_TIMINGS] if _measures(item)]
    left_out = len(items) - MAX_TIMINGS
    return timings, f"{left_out} more timings left out" if left_out > 0 else None


def _measures(item: Any) -> bool:
    """Whether an item holds a measurement: React Native sends ``[{}]`` with session borders."""
    return isinstance(item, dict) and bool(item)


def _timing(fields: dict[str, Any]) -> Timing:
    timing = lowered(fields.get("timing"))
    custom = lowered(fields.get("customtiming"))
    return Timing(
        _kind(timing, custom),
        as_text(fields.get("url"), _NAME) or as_text(fields.get("name"), _NAME),
        real(timing.get("du", timing.get("duration"))),
        real(timing.get("a")),
        integer(fields.get("size")),
        integer(fields.get("statuscode")),
        as_text(lowered(fields.get("parentresource")).get("url"), _NAME),
        _details({**timing, **custom}),
    )


def _kind(timing: dict[str, Any], custom: dict[str, Any]) -> str:
    letter = str(timing.get("t", "")).lower()
    if letter in _WEB:
        return _WEB[letter]
    kind = _MOBILE.get(str(timing.get("type", "")).lower())
    return kind or ("custom" if custom else "other")


def _details(timing: dict[str, Any]) -> dict[str, float]:
    details = {}
    for name, value in list(timing.items())[:_MAX_DETAILS]:
        number = real(value)
        label = as_text(name, _NAME)
        if number is not None and label is not None and name not in _NOT_DETAILS:
            details[label] = number
    return details
