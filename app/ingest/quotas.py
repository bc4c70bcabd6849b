"""What projects may send at this moment, as this process knows it.

Once a second it reads what all processes took; in between it adds what it takes itself. So a bound
may be passed by what the other processes take within a second, and by no more; what is being
stored while it reads may count twice until it reads again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol
from uuid import UUID

from events.ids import Clock, id_minute, new_id, now_ms
from storage.quotas import ProjectType, Quota, Used, day_of, minute_end_ms, month_of, room

MAX_WAIT_SECONDS = 600
"""How long a sender is asked to hold back at most: a quota may be raised at any time."""

_MINUTE_MS = 60_000

Dropped = Mapping[tuple[int, int, str], int]
"""Events by minute of the id, project and type."""


class Copies(Protocol):
    """The part of :class:`broker.quotas.QuotaCopies` used here; methods raise ``StoreDown``."""

    def read(self, now_ms: int) -> dict[ProjectType, tuple[Quota, Used]]:
        """Every quota with what was used of it."""
        ...

    def drop(self, batch_id: UUID, dropped: Dropped) -> None:
        """Count events that were dropped, once per id."""
        ...


class Verdict(NamedTuple):
    """How many of some events are kept; whether the others are refused, or else dropped; and for
    how many seconds that will be so.
    """

    kept: int
    refused: bool
    seconds: int


class _Account:
    """One quota: what was used of it when last read, and what this process took since.

    Amounts are by the name of the day, month or minute in which they were taken.
    """

    def __init__(self, quota: Quota, used: Used, read_ms: int) -> None:
        self.quota = quota
        self._base = dict(zip(_names(read_ms), (used.day, used.month, used.minute), strict=True))
        self._taken: Counter[str] = Counter()

    def used(self, now_ms: int) -> Used:
        return Used(*(self._base.get(name, 0) + self._taken[name] for name in _names(now_ms)))

    def take(self, events: int, now_ms: int) -> None:
        for name in _names(now_ms):
            self._taken[name] += events


class QuotaGuard:
    """Thread-safe. :meth:`step` is for the rounds; until the first, nothing is bounded."""

    def __init__(self, copies: Copies, clock: Clock = now_ms) -> None:
        self._copies = copies
        self._clock = clock
        self._accounts: dict[ProjectType, _Account] = {}
        self._kept: Counter[ProjectType] = Counter()
        self._settled: Counter[ProjectType] = Counter()
        self._dropped: Counter[tuple[int, int, str]] = Counter()
        self._sending: tuple[UUID, Dropped] | None = None
        self._lock = threading.Lock()

    def take(self, key: ProjectType, events: int) -> Verdict | None:
        """What becomes of events; null where nothing bounds them.

        :meth:`settle` is to follow for what is kept.
        """
        if key not in self._accounts:
            return None
        now = self._clock()
        with self._lock:
            account = self._accounts.get(key)
            if account is None:
                return None
            left = room(account.quota, account.used(now), now)
            if left.taken == 0:
                return Verdict(0, refused=True, seconds=_seconds(minute_end_ms(now) - now))
            kept = events if left.kept is None else min(events, left.kept)
            account.take(kept, now)
            self._kept[key] += kept
            return Verdict(kept, refused=False, seconds=_seconds(left.ends_ms - now))

    def settle(self, key: ProjectType, events: int, *, accepted: bool) -> None:
        """Events that were kept are stored now, or were refused after all."""
        with self._lock:
            if accepted:
                self._settled[key] += events
            else:
                self._kept[key] -= events

    def drop(self, key: ProjectType, ids: Iterable[UUID]) -> None:
        """Count events that are dropped, in the ledger as well."""
        with self._lock:
            for event_id in ids:
                self._dropped[id_minute(event_id), *key] += 1

    def step(self) -> None:
        """Tell what was dropped, and read what is left; raises ``StoreDown``."""
        self._tell()
        self._read()

    def _tell(self) -> None:
        with self._lock:
            if self._sending is None and self._dropped:
                self._sending = new_id(self._clock()), self._dropped
                self._dropped = Counter()
        if self._sending is not None:
            self._copies.drop(*self._sending)
            self._sending = None

    def _read(self) -> None:
        with self._lock:
            settled = Counter(self._settled)
        now = self._clock()
        found = {key: _Account(*pair, now) for key, pair in self._copies.read(now).items()}
        with self._lock:
            # What was settled before the broker was asked is in its answer.
            self._kept.subtract(settled)
            self._settled.subtract(settled)
            self._kept, self._settled = +self._kept, +self._settled
            for key, account in found.items():
                account.take(self._kept[key], now)
            self._accounts = found


def _names(now_ms: int) -> tuple[str, str, str]:
    return _names_of(now_ms // _MINUTE_MS)


@lru_cache(maxsize=8)
def _names_of(minute: int) -> tuple[str, str, str]:
    now_ms = minute * _MINUTE_MS
    return day_of(now_ms), month_of(now_ms), f"minute {minute}"


def _seconds(milliseconds: int) -> int:
    return max(1, min(MAX_WAIT_SECONDS, -(-milliseconds // 1000)))
