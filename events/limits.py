"""What one event may be, whatever protocol it comes through."""

from __future__ import annotations

from dataclasses import dataclass

from events.record import Malformed


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of JSON, and levels of nesting."""

    max_event_bytes: int
    max_depth: int


def check_size(item: bytes, limits: Limits) -> None:
    """Raises :class:`Malformed` ``too_large`` for an event of more bytes than are allowed."""
    if len(item) > limits.max_event_bytes:
        raise Malformed(
            "too_large",
            f"The event has {len(item)} bytes; SLUICE_MAX_EVENT_BYTES allows"
            f" {limits.max_event_bytes}.",
        )
