"""Times as the API writes and reads them: ISO 8601 in UTC with ``Z``, milliseconds where given."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from events.ids import id_ms, is_event_id

DAY_MS = 24 * 60 * 60 * 1000
CLOCK_SKEW_MS = 60 * 1000


def iso(moment: datetime | None) -> str | None:
    """``2026-11-22T22:35:07.088Z``; null stays null. A time without a zone is taken as UTC."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_minute(minute: int) -> str:
    """A ledger minute (whole minutes since 1970) as ``2026-11-22T22:35:00Z``."""
    return datetime.fromtimestamp(minute * 60, UTC).isoformat().replace("+00:00", "Z")


def minute_of(moment: datetime) -> int:
    """The ledger minute that a time lies in."""
    return int(moment.timestamp() // 60)


def may_be_on_its_way(event_id: UUID, now_ms: int) -> bool:
    """Whether an id without a row can be an accepted event that no stage has reached yet.

    True for a UUIDv7 younger than 24 h; a minute of the future allows for skewed clocks among
    web instances.
    """
    if not is_event_id(event_id):
        return False
    return now_ms - DAY_MS < id_ms(event_id) <= now_ms + CLOCK_SKEW_MS
