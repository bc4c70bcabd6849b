"""Reading an event's picture: any part may be absent, and none is what it seems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.dashboard.text import as_text

Picture = Mapping[str, Any]


def text_of(part: Picture, key: str) -> str:
    """A value as text; empty when it is absent."""
    value = part.get(key)
    return "" if value is None else as_text(value)


def object_of(part: Picture, key: str) -> Picture:
    """A value that is an object; empty when it is none."""
    value = part.get(key)
    return value if isinstance(value, Mapping) else {}


def list_of(part: Picture, key: str) -> list[Any]:
    """A value that is a list; empty when it is none."""
    value = part.get(key)
    return value if isinstance(value, list) else []


def whole_of(part: Picture, key: str) -> int | None:
    """A whole number, null for what is none."""
    value = part.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
