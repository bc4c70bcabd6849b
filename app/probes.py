"""Asking dependencies whether they answer, each in a thread of its own and within a time-out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import structlog

from storage.errors import StoreError

log = structlog.get_logger(__name__)

PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How a dependency answered: ``problem`` is null when it did, ``seconds`` it took."""

    problem: str | None
    seconds: float


Check = Callable[[], object]


class Probes:
    """Asks each dependency in a thread of its own, and waits for none longer than ``seconds``.

    A check that hangs keeps its thread, and no second one is started beside it: however often
    this is asked, a dead store costs one thread.
    """

    def __init__(self, checks: Mapping[str, Check], seconds: float = PROBE_SECONDS) -> None:
        self._checks = checks
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._running: dict[str, Future[ProbeResult]] = {}

    def run(self) -> dict[str, ProbeResult]:
        """One result per dependency, within the time-out."""
        with self._lock:
            running = {name: self._start(name) for name in self._checks}
        wait(running.values(), timeout=self._seconds)
        hung = ProbeResult("timed out", self._seconds)
        return {name: (run.result() if run.done() else hung) for name, run in running.items()}

    def _start(self, name: str) -> Future[ProbeResult]:
        earlier = self._running.get(name)
        if earlier is not None and not earlier.done():
            return earlier
        if self._pool is None:  # not at creation: threads do not survive a fork
            self._pool = ThreadPoolExecutor(len(self._checks), thread_name_prefix="probe")
        self._running[name] = self._pool.submit(_probe, name, self._checks[name])
        return self._running[name]


def _probe(name: str, check: Check) -> ProbeResult:
    started = time.monotonic()
    try:
        check()
    except StoreError as exc:
        log.warning("dependency_down", store=name, detail=exc.detail)
        return ProbeResult("down", time.monotonic() - started)
    return ProbeResult(None, time.monotonic() - started)
