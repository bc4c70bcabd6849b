"""The fingerprint that an application gives its events, as a grouping key of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from events.fields import listed
from events.report import Error
from events.sentry.context import read_tags
from events.sentry.errors import read_message
from events.text import as_text, clip

_PART = 1_000
_MOST_PARTS = 50
_DEFAULT = "default"
_VARIABLE = re.compile(r"\{\{\s*([\w.\-]+)\s*\}\}")


def read_fingerprint(event: dict[str, Any], error: Error | None) -> tuple[str | None, list[str]]:
    """The key that alone decides, or else what is to tell apart crashes of one default group.

    ``{{ default }}`` stands for the group the event would have by itself; ``{{ type }}`` and the
    like for a value of the event.
    """
    given = [as_text(part, _PART) for part in listed(event.get("fingerprint"))[:_MOST_PARTS]]
    parts = [part for part in given if part]
    if not parts:
        return None, []
    values = _values(event, error)
    has_default = any(_is_default(part) for part in parts)
    filled = [_filled(part, values) for part in parts if not _is_default(part)]
    if has_default:
        return None, filled
    return clip("\x1f".join(filled), _PART * _MOST_PARTS), []


def _is_default(part: str) -> bool:
    found = _VARIABLE.fullmatch(part.strip())
    return found is not None and found[1] == _DEFAULT


def _filled(part: str, values: Callable[[str], str | None]) -> str:
    return _VARIABLE.sub(lambda found: values(found[1]) or found[0], part)


def _values(event: dict[str, Any], error: Error | None) -> Callable[[str], str | None]:
    """What a name in braces stands for in this event; null for one that stands for nothing."""

    def value(name: str) -> str | None:
        if name.startswith("tags."):
            key = name.removeprefix("tags.") + ":"
            found = (tag for tag in read_tags(event.get("tags")) if tag.startswith(key))
            return next(found, key).removeprefix(key) or None
        innermost = next((one for one in error.frames if one.in_app), None) if error else None
        known: dict[str, Callable[[], str | None]] = {
            "type": lambda: error.class_name if error else None,
            "error.type": lambda: error.class_name if error else None,
            "value": lambda: error.message if error else None,
            "error.value": lambda: error.message if error else None,
            "message": lambda: read_message(event),
            "function": lambda: innermost.method if innermost else None,
            "stack.function": lambda: innermost.method if innermost else None,
            "module": lambda: innermost.class_name if innermost else None,
            "transaction": lambda: as_text(event.get("transaction"), _PART),
            "level": lambda: as_text(event.get("level"), _PART),
            "logger": lambda: as_text(event.get("logger"), _PART),
        }
        return known[name]() if name in known else None

    return value
