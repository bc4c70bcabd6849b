"""A merge of packs as SQL has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from storage.model import PackRef


class MergeHeld(Exception):
    """A merge cannot go on now; the message says what it waits for. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge under way: its target, its state, and the packs that have not left yet."""

    id: UUID
    key: str
    type: str
    day: date
    state: str
    sources: tuple[PackRef, ...]


@dataclass(frozen=True, slots=True)
class MergeSize:
    """What a merge came to, for the totals. Sizes are bytes."""

    packs: int
    bytes_read: int
    bytes_written: int
    events_dropped: int
