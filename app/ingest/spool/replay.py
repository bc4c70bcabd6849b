"""The thread that asks whether the broker is well, and publishes what the spool holds.

The first spooled batch is the probe: while the gate is shut, only a batch that the broker took
opens it, since a broker may answer and yet take nothing (no disk, no memory, writes held up).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from app.ingest.commit import Publish
from app.ingest.spool.gate import Gate
from broker.capacity import Memory
from config.policy import EVENT_TYPES
from events.envelope import MalformedBatch
from storage.errors import StoreDown
from storage.spool.segment import Pending
from storage.spool.spool import Spool

PROBE_SECONDS = 0.25
"""How long a broker that is away, or the disk after an error, is left alone."""
WATCH_SECONDS = 0.5
"""How often a broker that is well is asked for its memory, also during a replay."""

_TYPES = frozenset(row.name for row in EVENT_TYPES)
_log = structlog.get_logger(__name__)


class Replayer:
    """One thread of a web process. ``rate`` is in events a second; ``clock`` in seconds.

    It is a daemon and needs no stopping: whatever it was doing, the spool stays whole.
    """

    def __init__(
        self,
        spool: Spool,
        publish: Publish,
        memory: Callable[[], Memory],
        gate: Gate,
        *,
        mark: float,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = spool
        self._publish = publish
        self._memory = memory
        self._gate = gate
        self._mark = mark
        self._rate = rate
        self._clock = clock
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, once, in the process that calls."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="sluice-spool", daemon=True)
                    thread.start()
                    self._thread = thread

    def close(self) -> None:
        """Stop the thread and wait for it."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._closed.wait(self._step())

    def _step(self) -> float:
        """Ask and replay for a while; returns the seconds to wait before the next time."""
        try:
            if self._well():
                return self._replay()
        except StoreDown as error:
            self._gate.shut("down", error.detail)
        except Exception:  # a full disk or a bug: what is spooled stays, and is tried again
            _log.exception("spool_replay_failed")
        return PROBE_SECONDS

    def _well(self) -> bool:
        memory = self._memory()
        if memory.above(self._mark):
            self._gate.shut("memory", f"{memory.used} of {memory.limit} bytes are used")
            return False
        return True

    def _replay(self) -> float:
        """Publish until the spool is empty, or it is time to ask for memory again."""
        until = self._clock() + WATCH_SECONDS
        self._spool.adopt()
        while (pending := self._spool.oldest()) is not None:
            if self._clock() >= until or self._closed.is_set():
                return 0.0
            self._replay_one(pending)
        self._gate.open()
        return WATCH_SECONDS

    def _replay_one(self, pending: Pending) -> None:
        batch = pending.batch
        try:
            envelopes = batch.envelopes()
        except MalformedBatch as error:
            self._spool.set_aside(pending, str(error))
            return
        if batch.event_type not in _TYPES:
            self._spool.set_aside(pending, f"no event type {batch.event_type!r}")
            return
        started = self._clock()
        self._publish(batch.event_type, batch.batch_id, envelopes)
        self._gate.open()
        self._spool.done(pending)
        _log.debug("spooled_batch_published", batch=str(batch.batch_id), events=batch.events)
        self._closed.wait(max(0.0, batch.events / self._rate - (self._clock() - started)))
