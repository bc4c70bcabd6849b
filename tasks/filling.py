"""How soon stage ``files`` makes the next pack: seldom enough that packs of a busy queue are full.

What a pack costs each store is much the same for ten events as for hundreds. A worker that took
whatever is there would keep up by making packs of some ten events, for which the later stages, who
get one message a pack, then pay.
"""

from __future__ import annotations

from collections.abc import Callable


class Filling:
    """The least time between two packs of a queue that one worker process begins, in seconds.

    The first events after a quiet time wait for nobody, and a queue that holds a full pack already
    is not waited for, nor is one whose last pack was full. ``clock`` gives seconds.
    """

    def __init__(
        self, seconds: float, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._due: dict[str, float] = {}

    def wait(self, queue: str, is_full: Callable[[], bool]) -> None:
        """Return when a pack of the queue may be begun; ``is_full`` tells that one could be now."""
        left = self._due.get(queue, 0.0) - self._clock()
        if left > 0 and not is_full():
            self._sleep(min(left, self._seconds))
        self._due[queue] = self._clock() + self._seconds

    def was_full(self, queue: str) -> None:
        """Let the queue's next pack wait for nobody: events of this size fill one at once."""
        self._due.pop(queue, None)
