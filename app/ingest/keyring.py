"""Whose key it is: a small bounded memory of keys before PostgreSQL.

Known keys go on working while PostgreSQL is away; a key that cannot be decided then is
:class:`Undecided`, never refused. Unknown keys are remembered apart from known ones and both
memories are bounded, so that a flood of made-up keys neither grows them nor evicts a customer.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from app.ingest.keys import MAX_KEY_CHARS
from storage.errors import StoreDown
from storage.sql.projects import KeyOwner

MAX_KNOWN = 10_000
MAX_UNKNOWN = 1_000
AWAY_SECONDS = 1.0
"""How long PostgreSQL is left alone after it failed to answer."""
SLOW_SECONDS = 1.0
"""How long a question may be open before nobody asks more: else every thread ends up waiting."""


class Undecided(Exception):
    """Nobody can say now whether the key is good: PostgreSQL is away and we do not know it."""


@dataclass(frozen=True, slots=True)
class _Held:
    owner: KeyOwner | None
    until: float


class KeyRing:
    """Thread-safe. ``find`` looks a key up and raises ``StoreDown``; ``clock`` is in seconds."""

    def __init__(
        self,
        find: Callable[[str], KeyOwner | None],
        trust_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._trust = trust_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Held] = OrderedDict()
        self._unknown: OrderedDict[str, _Held] = OrderedDict()
        self._open_since: dict[object, float] = {}
        self._away_until = float("-inf")

    def owner(self, key: str) -> KeyOwner | None:
        """The key's owner, None for a key that nobody has; raises :class:`Undecided`."""
        if len(key) > MAX_KEY_CHARS:
            return None
        held = self._known.get(key) or self._unknown.get(key)
        now = self._clock()
        if held is not None and now < held.until:
            return held.owner
        if now < self._away_until or self._is_slow(now):
            return _stale(held)
        return self._ask(key, held, now)

    def _ask(self, key: str, held: _Held | None, now: float) -> KeyOwner | None:
        if held is not None and held.owner is not None:
            # This thread asks again; the others go on with what is held meanwhile.
            self._hold(key, held.owner, now)
        try:
            owner = self._look_up(key, now)
        except StoreDown:
            self._away_until = self._clock() + AWAY_SECONDS
            return _stale(held)
        self._hold(key, owner, self._clock())
        return owner

    def _look_up(self, key: str, now: float) -> KeyOwner | None:
        question = object()
        with self._lock:
            self._open_since[question] = now
        try:
            return self._find(key)
        finally:
            with self._lock:
                del self._open_since[question]

    def _is_slow(self, now: float) -> bool:
        with self._lock:
            return now - min(self._open_since.values(), default=now) >= SLOW_SECONDS

    def _hold(self, key: str, owner: KeyOwner | None, now: float) -> None:
        held = _Held(owner, now + self._trust)
        with self._lock:
            self._known.pop(key, None)
            self._unknown.pop(key, None)
            memory, most = (
                (self._known, MAX_KNOWN) if owner is not None else (self._unknown, MAX_UNKNOWN)
            )
            memory[key] = held
            while len(memory) > most:
                memory.popitem(last=False)


def _stale(held: _Held | None) -> KeyOwner | None:
    if held is None or held.owner is None:
        raise Undecided
    return held.owner
