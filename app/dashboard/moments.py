"""Times as pages write them: in the reader's zone, and how long ago; pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_NAME = "UTC"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_RELATIVE_DAYS = 60


def zone_of(name: str) -> tzinfo | None:
    """The time zone of an IANA name such as ``Europe/Berlin``; null when there is none."""
    if name == UTC_NAME:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name that is a folder
        return None


def instant(value: datetime | str | None) -> datetime | None:
    """A time of a row, or of JSON in ISO 8601, in UTC; null for what is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        return None


def absolute(moment: datetime, zone: tzinfo) -> str:
    """``2026-11-22 22:35:07 UTC``, or with the zone's own letters or offset."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        local = moment
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname() or UTC_NAME}"


def machine(moment: datetime) -> str:
    """``2026-11-22T22:35:07.088Z``, without the milliseconds where there are none."""
    told = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return told.replace(".000Z", "Z")


def relative(moment: datetime, now: datetime) -> str:
    """``3 min ago``, ``in 2 h``, ``just now``; after two months the date."""
    seconds = (now - moment).total_seconds()
    distance = abs(seconds)
    if distance < _MINUTE:
        return "just now"
    if distance >= _RELATIVE_DAYS * _DAY:
        return f"{moment:%Y-%m-%d}"
    told = _distance(distance)
    return f"{told} ago" if seconds > 0 else f"in {told}"


def _distance(seconds: float) -> str:
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{int(seconds // _DAY)} days"
