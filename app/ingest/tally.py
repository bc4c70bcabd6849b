"""Running counters of what a web process did not take, on their way to the broker."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping

from storage.errors import StoreDown


class Tally:
    """Thread-safe. Counts reach the broker with the next round; a kill loses those since the last.

    ``count`` adds to counters, to all or none, and may raise :class:`StoreDown`.
    """

    def __init__(self, count: Callable[[Mapping[str, int]], None]) -> None:
        self._count = count
        self._uncounted: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, name: str, by: int) -> None:
        """Add to a counter."""
        with self._lock:
            self._uncounted[name] += by

    def settle(self) -> None:
        """Tell the broker; raises :class:`StoreDown`, and what is not told is told next time."""
        with self._lock:
            amounts, self._uncounted = self._uncounted, Counter()
        if not amounts:
            return
        try:
            self._count(amounts)
        except StoreDown:
            with self._lock:  # counted twice if the broker had done it: better than not at all
                self._uncounted.update(amounts)
            raise
