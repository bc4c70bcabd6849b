"""What a pool tells operators of itself: which processes it has, how large, and what each works on.

A thread of the parent tells it to the broker every few seconds: one command, some 100 µs of work.
Nothing depends on it. Leases say who lives; this says to people how.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import psutil
import structlog
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from celery.worker import state as celery_state

from broker.message import EVENTS_HEADER
from broker.pools import TELL_SECONDS, Child, PoolReport, Pools
from config.settings import Settings
from events.ids import Clock, now_ms
from storage.errors import StoreDown

_log = structlog.get_logger(__name__)

_CELERYS = "celery.concurrency."


class Pulse:
    """Tells of one pool until it is ended. ``look`` gives the pids of its places now."""

    def __init__(
        self,
        pools: Pools,
        first: PoolReport,
        look: Callable[[], Sequence[int]],
        requests: Callable[[], Iterable[Any]],
        clock: Clock = now_ms,
    ) -> None:
        self._pools = pools
        self._report = first
        self._look = look
        self._requests = requests
        self._clock = clock
        self._known: set[int] = set()
        self._ended = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sluice-pulse", daemon=True)

    def start(self) -> None:
        """Tell of the start now, and of the pool every few seconds from then on."""
        self.tell(started=True)
        self._thread.start()

    def stopping(self) -> None:
        """Say that the pool takes nothing more and ends what it has in hand."""
        self._report = replace(self._report, state="stopping")
        self._wake.set()

    def end(self) -> None:
        """Say that the pool ended in order; a pool that is killed goes missing instead."""
        self._ended.set()
        self._wake.set()
        self._report = replace(self._report, state="stopped")
        self.tell()

    def tell(self, *, started: bool = False) -> None:
        """Tell once; a broker that is away is told the next time."""
        try:
            self._pools.tell(self.report(), started=started)
            if started:
                self._pools.forget_old()
        except StoreDown as exc:
            _log.info("pool_untold", reason=exc.detail)

    def report(self) -> PoolReport:
        """The pool as it is now."""
        places = [] if self._report.state == "stopped" else list(self._look())
        replaced = len(set(places) - self._known) if self._known else 0
        self._known.update(places)
        requests = tuple(self._requests())
        self._report = replace(
            self._report,
            told_ms=self._clock(),
            rss_bytes=_rss(self._report.pid),
            children=[_child(pid, requests) for pid in places],
            replaced=self._report.replaced + replaced,
        )
        return self._report

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(TELL_SECONDS)
            self._wake.clear()
            if not self._ended.is_set():
                self.tell()


def _child(pid: int, requests: Iterable[Any]) -> Child:
    request = next((one for one in requests if one.worker_pid == pid), None)
    size = _rss(pid)
    if request is None:
        return Child(pid, size)
    headers = request.request_dict
    return Child(
        pid,
        size,
        task=str(request.name),
        queue=(request.delivery_info or {}).get("routing_key"),
        events=int(headers.get(EVENTS_HEADER) or 0),
        since_ms=int(request.time_start * 1000) if request.time_start else None,
    )


def _rss(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it ended since it was looked up
        return None


def active_requests() -> list[Any]:
    """What Celery's parent knows to be in work, read beside the thread that changes it."""
    for _ in range(3):
        try:
            return list(celery_state.active_requests)
        except RuntimeError:  # it changed size meanwhile
            continue
    return []


def places_of(pool: Any) -> list[int]:
    """The processes in which a Celery pool runs tasks: its children, or the parent itself."""
    processes: Sequence[int] = pool.info.get("processes") or [os.getpid()]
    return [int(pid) for pid in processes]


def kind_of(pool: Any) -> str:
    """What Celery calls a pool, such as ``prefork``; also one of ours made from Celery's."""
    modules = [one.__module__ for one in type(pool).__mro__]
    known = [one for one in modules if one.startswith(_CELERYS)]
    return (known or modules)[0].rpartition(".")[2]


def install_pulse(settings: Settings) -> None:
    """Have the worker of this process tell of itself from when it is ready until it ends."""
    pulses: list[Pulse] = []

    def begin(sender: Any, **_: Any) -> None:
        pool, pid = sender.pool, os.getpid()
        first = PoolReport(
            name=str(sender.hostname),
            pid=pid,
            kind=kind_of(pool),
            size=int(pool.info.get("max-concurrency") or 1),
            queues=sorted(sender.app.amqp.queues.consume_from),
            release=settings.release,
            started_ms=now_ms(),
            told_ms=now_ms(),
            rss_bytes=None,
        )
        pools = Pools(settings.redis_url, timeout=settings.broker_timeout_seconds)
        pulse = Pulse(pools, first, lambda: places_of(pool), active_requests)
        pulses.append(pulse)
        pulse.start()

    def stop(**_: Any) -> None:
        for pulse in pulses:
            pulse.stopping()

    def end(**_: Any) -> None:
        for pulse in pulses:
            pulse.end()

    # Kept by strong references: Celery would forget these functions else.
    worker_ready.connect(begin, weak=False)
    worker_shutting_down.connect(stop, weak=False)
    worker_shutdown.connect(end, weak=False)
