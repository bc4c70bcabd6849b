"""Group commit: requests in flight at the same moment share one task message; for threads.

A durable write costs the broker much the same for one event as for hundreds, so the first
request to arrive leads: it publishes, and all that arrive meanwhile wait and go together in the
next batch, led by the first of them. A request that finds nobody publishing waits for nobody.
Every waiter gets the outcome of the very batch its own events were in.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from config.policy import EVENT_TYPES
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.errors import StoreDown

LEADERS = 1
"""Batches of one type that one process publishes at the same time. With two, batches were a
third smaller and a request cost 6 % more CPU (64 connections, appendfsync always)."""


class Publish(Protocol):
    """``Broker.publish``: durable when it returns, idempotent by batch id."""

    def __call__(
        self, event_type: str, batch_id: UUID, envelopes: Sequence[Envelope], /
    ) -> None: ...


class CommitFailed(Exception):
    """The batch that held the caller's events was not stored for certain; the cause says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one batch may hold: events, and bytes of their bodies."""

    events: int
    size: int


class _Submission:
    """One caller's events on their way, and what became of them."""

    __slots__ = ("envelopes", "error", "leads", "settled", "size", "turn")

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self.envelopes = envelopes
        self.size = sum(len(envelope.body) for envelope in envelopes)
        self.turn = threading.Event()
        self.leads = False
        self.settled = False
        self.error: BaseException | None = None


class _Lane:
    """The group commit of one event type."""

    def __init__(self, publish: Callable[[Sequence[Envelope]], None], bounds: Bounds) -> None:
        self._publish = publish
        self._bounds = bounds
        self._lock = threading.Lock()
        self._waiting: deque[_Submission] = deque()
        self._leaders = 0

    def commit(self, envelopes: Sequence[Envelope]) -> None:
        mine = _Submission(envelopes)
        with self._lock:
            mine.leads = self._leaders < LEADERS
            if mine.leads:
                self._leaders += 1
            else:
                self._waiting.append(mine)
        if not mine.leads:
            mine.turn.wait()
        if mine.leads:
            self._lead(mine)
        if mine.error is not None or not mine.settled:
            raise CommitFailed from mine.error

    def _lead(self, mine: _Submission) -> None:
        batch = self._gather(mine)
        error: BaseException | None = None
        try:
            self._publish([e for submission in batch for e in submission.envelopes])
        except BaseException as exc:  # each waiter raises it as its own
            error = exc
        finally:
            self._hand_over()
        for submission in batch:
            submission.error = error
            submission.settled = True
            submission.turn.set()

    def _gather(self, mine: _Submission) -> list[_Submission]:
        """The leader's own events and, in order, those of waiters that fit beside them."""
        batch = [mine]
        events, size = len(mine.envelopes), mine.size
        with self._lock:
            while self._waiting:
                events += len(self._waiting[0].envelopes)
                size += self._waiting[0].size
                if events > self._bounds.events or size > self._bounds.size:
                    break
                batch.append(self._waiting.popleft())
        return batch

    def _hand_over(self) -> None:
        with self._lock:
            if not self._waiting:
                self._leaders -= 1
                return
            heir = self._waiting.popleft()
        heir.leads = True
        heir.turn.set()


class Committer:
    """Publishes callers' events, together with those of other threads. Thread-safe.

    ``patience`` is in seconds: a publish that failed sooner is tried once more under the same
    batch id, which costs nothing if it had worked, and spares senders a connection that broke
    while idle. ``clock`` gives seconds.
    """

    def __init__(
        self,
        publish: Publish,
        bounds: Bounds,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds = bounds
        self._lanes = {
            row.name: _Lane(batch_publisher(publish, row.name, patience, clock), bounds)
            for row in EVENT_TYPES
        }

    def commit(self, event_type: str, envelopes: Sequence[Envelope]) -> None:
        """Return when the broker holds every envelope durably; raises :class:`CommitFailed`.

        More than a batch may hold goes in several. When a later one fails, the earlier ones are
        stored all the same: the caller must not report success, and its sender may repeat all.
        """
        for part in split(envelopes, self._bounds):
            self._lanes[event_type].commit(part)


def batch_publisher(
    publish: Publish, event_type: str, patience: float, clock: Callable[[], float]
) -> Callable[[Sequence[Envelope]], None]:
    """A function that publishes events as a new batch, and what failed at once again, once."""

    def publish_batch(envelopes: Sequence[Envelope]) -> None:
        batch_id = new_id(now_ms())
        started = clock()
        try:
            publish(event_type, batch_id, envelopes)
        except StoreDown:
            if clock() - started >= patience:
                raise
            publish(event_type, batch_id, envelopes)

    return publish_batch


def split(envelopes: Sequence[Envelope], bounds: Bounds) -> Iterator[Sequence[Envelope]]:
    """The envelopes in order, in parts that each fit the bounds; one too large goes alone."""
    start, size = 0, 0
    for at, envelope in enumerate(envelopes):
        size += len(envelope.body)
        if at > start and (at - start >= bounds.events or size > bounds.size):
            yield envelopes[start:at]
            start, size = at, len(envelope.body)
    if start < len(envelopes):
        yield envelopes[start:]
