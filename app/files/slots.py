"""A bound on answers that are sent for long.

A reader that is slow holds the thread that serves it, for as long as it likes. So blobs may take
some of the threads and never all: events, health and metrics are answered by the rest.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from app.errors import ApiError


class Slots:
    """At most ``at_once`` are taken at any time; for threads."""

    def __init__(self, at_once: int, setting: str) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._setting = setting

    def take(self, owner: object) -> Callable[[], object]:
        """Take a slot for ``owner``; what is returned gives it back, once however often called.

        So does the end of ``owner``, however its answer ended. Raises ``ApiError`` 503
        ``overloaded`` when none is free.
        """
        if not self._free.acquire(blocking=False):
            raise ApiError(
                503,
                "overloaded",
                f"As many blobs as {self._setting} allows are being sent; try again.",
                {"Retry-After": "5"},
            )
        return weakref.finalize(owner, self._free.release)
