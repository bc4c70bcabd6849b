"""What a page could not show: a part is left out and named, and the rest of the page stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from storage.errors import StoreDown

T = TypeVar("T")

log = structlog.get_logger(__name__)

STORES = {
    "sql": "PostgreSQL",
    "search": "Elasticsearch",
    "files": "the file server",
    "broker": "the broker",
}
"""Stores by the names that operators know them by."""
AWAY = "it cannot be reached now."
TOO_LONG = "it did not add it up in time. A shorter time, or less of it, may be told."
"""Why there is a gap where a statement that reads much may outlast its time."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a page that is missing, the store that failed, and why, as a person may read it."""

    part: str
    store: str
    why: str


class Gaps:
    """Gathers what failed while a view is made."""

    def __init__(self) -> None:
        self._found: list[Gap] = []

    def fill(self, part: str, read: Callable[[], T], otherwise: T, why: str = AWAY) -> T:
        """What ``read`` gives; ``otherwise`` when its store is away, and the gap is noted."""
        try:
            return read()
        except StoreDown as exc:
            log.warning("page_part_missing", part=part, store=exc.store, detail=exc.detail)
            self.note(part, exc.store, why)
            return otherwise

    def note(self, part: str, store: str, why: str) -> None:
        """Note a gap that a view found by itself."""
        self._found.append(Gap(part, STORES.get(store, store), why))

    def found(self) -> tuple[Gap, ...]:
        """All that is missing, in the order in which it was asked for."""
        return tuple(self._found)
