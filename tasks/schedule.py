"""The system's periodic tasks: their clock, and that a task of a period runs once.

A beat is embedded in a worker (``./sluice worker --beat 'system.*'``). Any number of such workers
may run: each period's first run locks it in the broker, the others end at once. A run that fails is
logged and not kept: the next period brings another.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from celery import Celery, Task
from celery.beat import Scheduler
from celery.signals import beat_embedded_init

from broker.periods import Periods
from config.policy import SYSTEM_TASKS, SystemTaskPolicy
from storage.errors import StoreDown

SCHEDULER = f"{__name__}:Beat"

Work = Callable[[], None]

_log = structlog.get_logger(__name__)


class Beat(Scheduler):
    """Celery's clock without its file, since a lost period costs nothing, and without an afterlife:
    a worker killed with SIGKILL would else leave its beat behind for ever.
    """

    worker: int | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if self.worker is not None and os.getppid() != self.worker:
            raise SystemExit
        return float(super().tick(*args, **kwargs))


@beat_embedded_init.connect
def _end_with_worker(sender: Any, **_: Any) -> None:
    sender.scheduler.worker = os.getppid()


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Celery's schedule, from the policy table."""
    return {
        row.task: {"task": row.task, "schedule": row.every, "options": {"queue": row.queue}}
        for row in SYSTEM_TASKS
    }


def register_periodic(
    app: Celery, periods: Callable[[], Periods], work: Callable[[str], None]
) -> None:
    """Add every system task of the policy table; ``work`` does that of a name."""
    for row in SYSTEM_TASKS:
        _register(app, row, periods, partial(work, row.task))


def _register(
    app: Celery, row: SystemTaskPolicy, periods: Callable[[], Periods], work: Work
) -> None:
    def run(self: Task[Any, Any]) -> None:
        try:
            if periods().begin(row.task, str(self.request.id), row.every):
                work()
        except StoreDown as exc:
            _log.warning("periodic_postponed", task=row.task, store=exc.store, reason=exc.detail)

    app.task(
        name=row.task,
        bind=True,
        shared=False,
        soft_time_limit=row.soft_limit,
        time_limit=row.hard_limit,
        # Not parked: the next period runs it again.
        acks_on_failure=True,
        acks_on_timeout=True,
    )(run)
