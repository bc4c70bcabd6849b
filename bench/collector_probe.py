"""Counts what a worker's collector does, for ``bench memory``: loaded with Celery's ``--include``.

Each child appends a line of JSON to ``$BENCH_COLLECTOR`` every few seconds of collecting.
"""

from __future__ import annotations

import gc
import json
import os
import time
from typing import Any

from celery.signals import worker_process_init

_EVERY_SECONDS = 2.0


class _Meter:
    """Seconds spent in the collector, and how often it ran."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._begun = self._seconds = 0.0
        self._runs = [0, 0, 0]
        self._told = time.monotonic()

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._begun = now
            return
        self._seconds += now - self._begun
        self._runs[info["generation"]] += 1
        if time.monotonic() - self._told > _EVERY_SECONDS:
            self._told = time.monotonic()
            line = {"pid": os.getpid(), "seconds": round(self._seconds, 4), "runs": self._runs}
            with open(self._path, "a", encoding="ascii") as file:  # noqa: PTH123 - one line
                file.write(json.dumps(line) + "\n")


@worker_process_init.connect
def _begin(**_: Any) -> None:
    gc.callbacks.append(_Meter(os.environ["BENCH_COLLECTOR"]))
