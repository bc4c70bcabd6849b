"""Event and pack ids: UUIDv7 (RFC 9562, section 5.7), so that ids order by time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62

Clock = Callable[[], int]
"""Milliseconds since 1970, as :func:`now_ms` gives them."""


def now_ms() -> int:
    """The time of this machine in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def time_of(at_ms: int) -> datetime:
    """What a clock says, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def new_id(at_ms: int, random: Callable[[int], bytes] = os.urandom) -> UUID:
    """A UUIDv7 of the given millisecond; ``random`` gives its 74 random bits."""
    bits = int.from_bytes(random(10), "big")
    rand_a = (bits >> 62) & 0xFFF
    rand_b = bits & ((1 << 62) - 1)
    return UUID(
        int=(at_ms & 0xFFFF_FFFF_FFFF) << 80 | _VERSION_7 | rand_a << 64 | _VARIANT | rand_b
    )


def first_id(at_ms: int) -> UUID:
    """The smallest UUIDv7 of a millisecond: a bound for ranges of ids."""
    return new_id(at_ms, random=bytes)


def id_ms(event_id: UUID) -> int:
    """The millisecond in which a UUIDv7 was made."""
    return event_id.int >> 80


def id_time(event_id: UUID) -> datetime:
    """The time in which a UUIDv7 was made, in UTC."""
    return time_of(id_ms(event_id))


def id_day(event_id: UUID) -> date:
    """The UTC day of a UUIDv7: that of its pack and its partition."""
    return id_time(event_id).date()


def id_minute(event_id: UUID) -> int:
    """The minute of a UUIDv7, in whole minutes since 1970: its row in the ledger."""
    return id_ms(event_id) // 60_000


def is_event_id(candidate: UUID) -> bool:
    """Whether a UUID is of the kind :func:`new_id` makes."""
    return candidate.version == 7
