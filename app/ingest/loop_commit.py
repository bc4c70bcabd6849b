"""Group commit for coroutines: as :mod:`app.ingest.commit`, with a thread only for the publishing.

While a batch is being published, whatever else arrives waits and goes in the next one, which is not
begun until company has come. A batch costs as much as three requests, and one that goes as soon as
the last is done is of two when 3,000 requests a second come by their own clock.

A batch goes when nearly as many wait as there were when the last was settled: then all have come
that are going to, and who sends one event after the other waits for nobody. Else it goes
:data:`PAUSE_SECONDS` after the last was begun.

Every waiter has a future of its own, settled by the outcome of the very batch its events were in.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from app.ingest.commit import Bounds, CommitFailed, Publish, batch_publisher, split
from config.policy import EVENT_TYPES
from events.envelope import Envelope

PAUSE_SECONDS = 0.010
"""The least time between the begins of two batches, unless enough wait."""

ENOUGH = 16
"""Requests that are never made to wait for more."""


class _Waiter:
    """One caller's events, and the future that tells what became of them."""

    __slots__ = ("envelopes", "settled", "size")

    def __init__(self, envelopes: Sequence[Envelope], settled: asyncio.Future[None]) -> None:
        self.envelopes = envelopes
        self.size = sum([len(envelope.body) for envelope in envelopes])
        self.settled = settled


class _Lane:
    """The group commit of one event type, within one event loop."""

    def __init__(
        self, publish: Callable[[Sequence[Envelope]], None], bounds: Bounds, pool: Executor
    ) -> None:
        self._publish = publish
        self._bounds = bounds
        self._pool = pool
        self._waiting: deque[_Waiter] = deque()
        self._busy = False
        self._enough = 1
        self._due = 0.0
        self._pause: asyncio.TimerHandle | None = None

    async def commit(self, envelopes: Sequence[Envelope]) -> None:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(envelopes, loop.create_future())
        self._waiting.append(waiter)
        if not self._busy:
            self._begin_or_pause(loop)
        await waiter.settled

    def _begin_or_pause(self, loop: asyncio.AbstractEventLoop) -> None:
        if len(self._waiting) < self._enough:
            if self._pause is None:
                self._pause = loop.call_at(self._due, self._begin, loop)
            return
        if self._pause is not None:
            self._pause.cancel()
        # Not at once: what the loop has at hand already shall go in the same batch.
        self._busy = True
        loop.call_soon(self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._busy = True
        self._pause = None
        self._due = loop.time() + PAUSE_SECONDS
        batch = self._gather()
        envelopes = [envelope for waiter in batch for envelope in waiter.envelopes]
        done = loop.run_in_executor(self._pool, self._publish, envelopes)
        done.add_done_callback(lambda outcome: self._settle(loop, batch, outcome.exception()))

    def _gather(self) -> list[_Waiter]:
        """Waiters in order, as many as fit; the first in any case."""
        batch = [self._waiting.popleft()]
        events, size = len(batch[0].envelopes), batch[0].size
        while self._waiting:
            events += len(self._waiting[0].envelopes)
            size += self._waiting[0].size
            if events > self._bounds.events or size > self._bounds.size:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _settle(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[_Waiter],
        error: BaseException | None,
    ) -> None:
        self._busy = False
        self._enough = enough(len(batch) + len(self._waiting))
        if self._waiting:
            self._begin_or_pause(loop)
        for waiter in batch:
            if waiter.settled.done():  # its sender went away; its events are stored all the same
                continue
            if error is None:
                waiter.settled.set_result(None)
            else:
                failed = CommitFailed()
                failed.__cause__ = error
                waiter.settled.set_exception(failed)


def enough(crowd: int) -> int:
    """How many must wait for a batch to go before its time, when so many were there lately."""
    return min(ENOUGH, math.ceil(crowd * 7 / 8))


class LoopCommitter:
    """Publishes events of coroutines of one event loop together.

    ``pool`` runs ``publish``, which blocks; it needs a thread for each event type. ``patience`` is
    as in :class:`app.ingest.commit.Committer`.
    """

    def __init__(
        self,
        publish: Publish,
        bounds: Bounds,
        pool: Executor,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds = bounds
        self._lanes = {
            row.name: _Lane(batch_publisher(publish, row.name, patience, clock), bounds, pool)
            for row in EVENT_TYPES
        }

    async def commit(self, event_type: str, envelopes: Sequence[Envelope]) -> None:
        """Return when every envelope is held durably; raises :class:`CommitFailed`.

        More than a batch may hold goes in several. When a later one fails, the earlier ones are
        stored all the same: the caller must not report success, and its sender may repeat all.
        A caller that is cancelled leaves its events to be stored, or not.
        """
        for part in split(envelopes, self._bounds):
            await self._lanes[event_type].commit(part)
