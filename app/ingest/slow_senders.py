"""Bodies that do not come: their senders are told so, and hold no place in the web tier for ever.

The server lets a process have so many requests at once. A timer for each would cost each event;
one sweep for all costs it two entries in a dictionary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from app.errors import ApiError

T = TypeVar("T")

_SWEEPS = 4
"""Sweeps in the time that a body may take: how exactly the time is kept."""


def too_slow() -> ApiError:
    """The refusal of a body that does not come."""
    return ApiError(408, "body_too_slow", "The body did not arrive in time.")


class SlowSenders:
    """Watches the waits of one event loop. ``seconds`` are what a whole body may take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._sweeping = False

    async def wait(self, body: Awaitable[T]) -> T:
        """What comes; raises :class:`app.errors.ApiError` 408 when it does not in time."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # noqa: S101 - a coroutine that runs is in a task
        self._since[task] = loop.time()
        self._sweep_later(loop)
        try:
            return await body
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise too_slow() from None
        finally:
            self._late.discard(task)
            del self._since[task]

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self._seconds / _SWEEPS, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeping = False
        long_ago = loop.time() - self._seconds
        for task, since in self._since.items():
            if since <= long_ago and task not in self._late:
                self._late.add(task)
                task.cancel()
        if self._since:
            self._sweep_later(loop)
