"""A worker without some of what it does for memory, for ``bench memory --without``: loaded with
Celery's ``--include``, so that each step's worth can be measured at any later time.
"""

from __future__ import annotations

import gc
import os

import tasks.worker
from tasks.memory import recycle_beyond
from tasks.stages import import_work

PYTHONS_OWN = (700, 10, 10)


def _leave_out(steps: set[str]) -> None:
    if "freeze" in steps:
        tasks.worker.freeze_shared = gc.collect  # type: ignore[attr-defined]
    if "thresholds" in steps:
        tasks.worker.collect_seldom = _as_python_has_it  # type: ignore[attr-defined]
    if "recycle" in steps:
        recycle_beyond(tasks.worker.app, 0)
    if "imports" in steps:
        import_work()


def _as_python_has_it() -> None:
    gc.set_threshold(*PYTHONS_OWN)


_leave_out(set(os.environ["BENCH_WITHOUT"].split(",")))
