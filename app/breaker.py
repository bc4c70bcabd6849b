"""Leaving alone for a while what does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Open for ``seconds`` after a failure: whoever asks then takes another way at once."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it failed a moment ago."""
        until = self._until
        return until is not None and self._clock() < until

    def trip(self) -> bool:
        """Note a failure; true for the first of a time of failures, which is worth telling."""
        with self._lock:
            was_closed = not self.is_open
            self._until = self._clock() + self._seconds
            return was_closed
