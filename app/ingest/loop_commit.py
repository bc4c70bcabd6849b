"""Group commit for coroutines: as :mod:`app.ingest.commit`, with a thread only for the publishing.

While a batch is being published, whatever else arrives waits and goes in the next one. Every
waiter has a future of its own, settled by the outcome of the very batch its events were in.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from app.ingest.commit import Bounds, CommitFailed, Publish, batch_publisher, split
from config.policy import EVENT_TYPES
from events.envelope import Envelope


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

    async def commit(self, envelopes: Sequence[Envelope]) -> None:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(envelopes, loop.create_future())
        self._waiting.append(waiter)
        if not self._busy:
            # Not at once: what the loop has at hand already shall go in the same batch.
            self._busy = True
            loop.call_soon(self._next, loop)
        await waiter.settled

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
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
        if self._waiting:
            self._next(loop)
        else:
            self._busy = False
        for waiter in batch:
            if waiter.settled.done():  # its sender went away; its events are stored all the same
                continue
            if error is None:
                waiter.settled.set_result(None)
            else:
                failed = CommitFailed()
                failed.__cause__ = error
                waiter.settled.set_exception(failed)


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
