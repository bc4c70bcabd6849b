"""The real worker, but for crashes with a mark in their body: those fail as their mark says.

Real payloads do not make normalising or the stores fail (the fuzz tests look for such), so bugs
and killers are put in here. Time limits are short, so that a hung event shows within seconds.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

from celery.worker.request import Request

import events.crash
from events.envelope import Envelope
from events.record import Record
from tasks.worker import app

__all__ = ["app"]

_HARD_SECONDS, _SOFT_SECONDS = 6, 3
_normalise = events.crash.normalise


class ShortLived(Request):
    """A task's request with these limits, whatever its message says."""

    @property
    def time_limits(self) -> tuple[float | None, float | None]:
        return _HARD_SECONDS, _SOFT_SECONDS

    @time_limits.setter
    def time_limits(self, _said: tuple[float | None, float | None]) -> None:
        pass


def _poisoned(envelope: Envelope) -> Record:
    head = envelope.body[:200]
    if b"poison" not in head:
        return _normalise(envelope)
    if b"poison-raise" in head:
        raise RuntimeError("poisoned by the test")
    if b"poison-kill" in head:
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is out
    if b"poison-linger" in head:
        time.sleep(3600)  # the soft limit ends it
    if b"poison-hang" in head:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])  # only the hard limit ends it
        time.sleep(3600)
    record = _normalise(envelope)
    if b"poison-row" in head:
        return replace(record, row=("a NUL \0",) * len(record.row))
    if b"poison-document" in head:
        document = {**record.document(), "tags": {"not": ["a", "keyword"]}}
        return replace(record, document=lambda: document)
    return record


events.crash.normalise = _poisoned
for name in ("sluice.store_sql", "sluice.index_search"):
    app.tasks[name].Request = f"{__name__}:ShortLived"
