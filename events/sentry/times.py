"""Times of spans, logs and metrics, in whole nanoseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from events.moment import read_moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def nanoseconds(value: Any) -> int | None:
    """A time that an SDK wrote, as text or as seconds, to the microsecond; null for what is none.

    A double holds seconds since 1970 to a quarter of a microsecond, which is why no more is told.
    """
    moment = read_moment(value)
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND * 1_000
