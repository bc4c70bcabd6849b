"""The ids that SDKs give their events: 32 hexadecimal digits, in older ones with hyphens."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NOBODY = UUID(int=0)


def read_sdk_id(value: Any) -> UUID | None:
    """An SDK's id; null for what is none, also for the id of nothing, all zeros."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        return None
    found = UUID(value)
    return None if found == _NOBODY else found


def hex_id(value: Any, digits: int) -> str | None:
    """An id of a trace (32 digits) or a span (16), in lower case; null for what is none."""
    if not isinstance(value, str):
        return None
    text = value.replace("-", "").lower()
    if len(text) != digits or not set(text) <= set("0123456789abcdef") or not text.strip("0"):
        return None
    return text
