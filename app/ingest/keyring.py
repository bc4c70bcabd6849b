"""Whose key it is: a small bounded memory of keys before PostgreSQL.

Known keys go on working while PostgreSQL is away, also those that only the copies in the broker
and on the disk know (:mod:`app.ingest.keycopy`); a key that cannot be decided then is
:class:`Undecided`, never refused. Unknown keys are remembered apart from known ones and both
memories are bounded, so that a flood of made-up keys neither grows them nor evicts a customer.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

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


class NotAtHand(Exception):
    """Whose key it is must be asked, which takes time."""


@dataclass(frozen=True, slots=True)
class _Held:
    owner: KeyOwner | None
    until: float


class Copies(Protocol):
    """What remembers keys beyond this process; neither method raises."""

    def learn(self, key: str, owner: KeyOwner | None, /) -> None:
        """Take note of what PostgreSQL said."""

    def recall(self, key: str, /) -> KeyOwner | None:
        """What it said last, for all the copies know."""


class NoCopies:
    """Remembers nothing: a ring that ends with its process."""

    def learn(self, key: str, owner: KeyOwner | None, /) -> None:
        """Forget it."""

    def recall(self, key: str, /) -> KeyOwner | None:  # noqa: ARG002 - the protocol's
        """Know of no key."""
        return None


class KeyRing:
    """Thread-safe. ``find`` looks a key up and raises ``StoreDown``; ``clock`` is in seconds."""

    def __init__(
        self,
        find: Callable[[str], KeyOwner | None],
        trust_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        copies: Copies | None = None,
    ) -> None:
        self._find = find
        self._copies = copies or NoCopies()
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
            return self._recall(key, held, now)
        return self._ask(key, held, now)

    def at_hand(self, key: str) -> KeyOwner | None:
        """As :meth:`owner`, without asking anybody: raises :class:`NotAtHand` instead."""
        if len(key) > MAX_KEY_CHARS:
            return None
        held = self._known.get(key) or self._unknown.get(key)
        if held is None or self._clock() >= held.until:
            raise NotAtHand
        return held.owner

    def _ask(self, key: str, held: _Held | None, now: float) -> KeyOwner | None:
        self._go_on_with(key, held, now)
        try:
            owner = self._look_up(key, now)
        except StoreDown:
            now = self._clock()
            self._away_until = now + AWAY_SECONDS
            return self._recall(key, held, now)
        self._hold(key, owner, self._clock())
        self._copies.learn(key, owner)
        return owner

    def _recall(self, key: str, held: _Held | None, now: float) -> KeyOwner:
        """Decide without PostgreSQL; a revocation may have reached the copies and not us."""
        self._go_on_with(key, held, now)
        mine = held.owner if held is not None else None
        owner = mine if mine is not None and mine.revoked else self._copies.recall(key) or mine
        if owner is None:
            raise Undecided
        self._hold(key, owner, now)
        return owner

    def _go_on_with(self, key: str, held: _Held | None, now: float) -> None:
        """Let other threads use what is held while this one asks anew."""
        if held is not None and held.owner is not None:
            self._hold(key, held.owner, now)

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
