"""Names of indices, aliases and templates: monthly by the id's time, never a device's clock."""

from __future__ import annotations

from uuid import UUID

from events.ids import id_time


def alias_name(prefix: str, event_type: str) -> str:
    """What readers ask: all months of a type."""
    return f"{prefix}-{event_type}"


def index_name(prefix: str, event_type: str, event_id: UUID) -> str:
    """What writers name: the UTC month in which the id was made."""
    return f"{alias_name(prefix, event_type)}-{id_time(event_id):%Y.%m}"


def index_pattern(prefix: str, event_type: str) -> str:
    """All indices of a type, whatever their month."""
    return f"{alias_name(prefix, event_type)}-*"


def rebuilt_name(prefix: str, event_type: str, month: str, mark: str) -> str:
    """A month's index in the making: outside the pattern, so that no template makes readers see
    it before its time.
    """
    return f"{prefix}-rebuilt-{event_type}-{month}-{mark}"
