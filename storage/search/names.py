"""Names of indices, aliases and templates: monthly by the id's time, never a device's clock."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from events.ids import id_ms, time_of

_DAY_MS = 86_400_000


def alias_name(prefix: str, event_type: str) -> str:
    """What readers ask: all months of a type."""
    return f"{prefix}-{event_type}"


def index_name(prefix: str, event_type: str, event_id: UUID) -> str:
    """What writers name: the UTC month in which the id was made."""
    return _of_day(prefix, event_type, id_ms(event_id) // _DAY_MS)


@lru_cache(maxsize=256)
def _of_day(prefix: str, event_type: str, day: int) -> str:
    return f"{alias_name(prefix, event_type)}-{time_of(day * _DAY_MS):%Y.%m}"


def index_pattern(prefix: str, event_type: str) -> str:
    """All indices of a type, whatever their month."""
    return f"{alias_name(prefix, event_type)}-*"


def rebuilt_name(prefix: str, event_type: str, month: str, mark: str) -> str:
    """A month's index in the making: outside the pattern, so that no template makes readers see
    it before its time.
    """
    return f"{prefix}-rebuilt-{event_type}-{month}-{mark}"
