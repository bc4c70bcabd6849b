"""How many events a project may send, and how many more it may at a moment; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

MOST = 10**15
"""The largest bound: enough for anybody, and exact in every program that reads it."""
_MINUTE_MS = 60_000

ProjectType = tuple[int, str]
"""A project's number and an event type."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The most events of a type in a UTC day and month, which are kept, and in a minute, which are
    not refused. Null: no bound.
    """

    day: int | None = None
    month: int | None = None
    minute: int | None = None

    @property
    def bounds_nothing(self) -> bool:
        return self.day is None and self.month is None and self.minute is None


@dataclass(frozen=True, slots=True)
class Used:
    """Events that were kept in the present day and month, and taken in the present minute."""

    day: int = 0
    month: int = 0
    minute: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """How many more events may come before any is dropped, or refused; null: any number.

    ``ends_ms`` is when what is dropped then would be kept again.
    """

    kept: int | None
    taken: int | None
    ends_ms: int


def room(quota: Quota, used: Used, now_ms: int) -> Room:
    """What a quota leaves; never less than nothing."""
    day = None if quota.day is None else max(0, quota.day - used.day)
    month = None if quota.month is None else max(0, quota.month - used.month)
    binding = month is not None and (day is None or month < day)
    bounds = [left for left in (day, month) if left is not None]
    taken = None if quota.minute is None else max(0, quota.minute - used.minute)
    ends = month_end_ms(now_ms) if binding else day_end_ms(now_ms)
    return Room(min(bounds, default=None), taken, ends)


def day_of(now_ms: int) -> str:
    """The UTC day of a moment, as ``20261130``."""
    return f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y%m%d}"


def month_of(now_ms: int) -> str:
    """The UTC month of a moment, as ``202611``."""
    return day_of(now_ms)[:6]


def minute_end_ms(now_ms: int) -> int:
    """When the minute of a moment is over."""
    return now_ms - now_ms % _MINUTE_MS + _MINUTE_MS


def day_end_ms(now_ms: int) -> int:
    """When the UTC day of a moment is over."""
    day_ms = 1440 * _MINUTE_MS
    return now_ms - now_ms % day_ms + day_ms


def month_end_ms(now_ms: int) -> int:
    """When the UTC month of a moment is over."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000)
