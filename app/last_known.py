"""Numbers that many pages show: asked for once in a while, and kept for when a store is away."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from events.ids import Clock, time_of
from storage.errors import StoreDown

T = TypeVar("T")

FRESH_SECONDS = 10.0
MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What was read and when; ``away`` names the store that could not tell anything newer."""

    value: T
    at: datetime
    away: str | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """``at_ms`` is null while nothing was read; ``failure`` is of the last time it was asked."""

    value: Any
    at_ms: int | None
    asked_ms: int
    failure: StoreDown | None


class LastKnown:
    """Remembers by name for ``seconds``, also that a store was away. Safe for threads; bounded."""

    def __init__(self, clock: Clock, seconds: float = FRESH_SECONDS) -> None:
        self._clock = clock
        self._fresh_ms = seconds * 1000
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def read(self, name: Hashable, read: Callable[[], T]) -> Known[T]:
        """What ``read`` gives, or gave a moment ago; while its store is away what it gave last.

        Raises :class:`StoreDown` when it gave nothing yet.
        """
        now = self._clock()
        with self._lock:
            kept = self._kept.get(name)
        if kept is None or now - kept.asked_ms >= self._fresh_ms:
            kept = self._ask(kept, read, now)
            self._keep(name, kept)
        return _told(kept)

    def _ask(self, before: _Kept | None, read: Callable[[], T], now: int) -> _Kept:
        try:
            return _Kept(read(), now, now, None)
        except StoreDown as exc:
            value, at_ms = (before.value, before.at_ms) if before else (None, None)
            return _Kept(value, at_ms, now, exc)

    def _keep(self, name: Hashable, kept: _Kept) -> None:
        with self._lock:
            self._kept[name] = kept
            self._kept.move_to_end(name)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


def _told(kept: _Kept) -> Known[Any]:
    failure = kept.failure
    if kept.at_ms is None:
        if failure is None:
            raise LookupError("nothing was read and nothing failed")
        raise StoreDown(failure.store, failure.detail)
    return Known(kept.value, time_of(kept.at_ms), failure.store if failure else None)
