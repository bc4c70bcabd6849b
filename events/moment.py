"""Times as clients write them, read into UTC where they can be."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

_LONGEST = 40
_SPACED_OFFSET = re.compile(r" (?=[+-]\d\d:?\d\d$)")
#: A number above this counts milliseconds: as seconds it would be beyond the year 5000.
_MILLISECONDS_FROM = 100_000_000_000


def read_moment(value: Any) -> datetime | None:
    """A moment in UTC from ISO 8601 text, or from seconds or milliseconds since 1970.

    Text without a zone is taken as UTC: Java and Android mean that, and a Flutter client's own
    zone is not sent. Null for what is no time, or has none in UTC between the years 1 and 9999.
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _from_number(value)


def _from_text(text: str) -> datetime | None:
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    if text.endswith(" UTC"):
        text = text[:-4] + "Z"
    try:
        moment = datetime.fromisoformat(_SPACED_OFFSET.sub("", text))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_number(number: float) -> datetime | None:
    if not math.isfinite(number):
        return None
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with ``Z``."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
