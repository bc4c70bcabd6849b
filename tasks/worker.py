"""The worker's entry: ``celery --app tasks.worker:app worker -Q …``.

A pool's parent only hands messages to its children, so what the work needs beyond that is imported
by its child; where several share it, by the parent before it forks them.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from celery.signals import (
    celeryd_after_setup,
    setup_logging,
    worker_before_create_process,
    worker_process_init,
    worker_process_shutdown,
)

import config.plain_logs  # noqa: F401 - before whatever imports structlog
from broker.periods import Periods
from config.collector import collect_seldom, freeze_shared
from config.logs import configure_logs
from config.policy import QUEUES, SYSTEM_TASKS
from config.settings import load_settings
from tasks.app import create_celery
from tasks.memory import recycle_beyond
from tasks.pulse import install_pulse
from tasks.schedule import register_periodic
from tasks.stages import import_work, register

if TYPE_CHECKING:
    from storage.metering import Metering
    from tasks.stores import WorkerStores

_SYSTEM = "tasks.system"

settings = load_settings(os.environ)
app = create_celery(settings)
recycle_beyond(app, settings.worker_recycle_mb)
install_pulse(settings)


@cache
def _stores() -> WorkerStores:
    from tasks.stores import open_worker_stores  # noqa: PLC0415 - the point

    return open_worker_stores(settings)


@cache
def _periods() -> Periods:
    return Periods(settings.redis_url, timeout=settings.broker_timeout_seconds)


def _work(task: str) -> None:
    import_module(_SYSTEM).works(app)[task]()


@setup_logging.connect
def _logs(**_: Any) -> None:
    configure_logs(settings.log_level, process="worker")


@celeryd_after_setup.connect
def _share_imports(instance: Any, **_: Any) -> None:
    queues = set(instance.app.amqp.queues.consume_from)
    if not queues.isdisjoint(row.queue for row in SYSTEM_TASKS):
        import_module(_SYSTEM)
    if instance.concurrency > 1 and not queues.isdisjoint(QUEUES):
        import_work()


@cache
def _metering() -> Metering:
    from storage.metering import start_metering  # noqa: PLC0415 - the point

    return start_metering(settings)


@worker_process_init.connect
def _settle(**_: Any) -> None:
    collect_seldom()


@worker_process_init.connect
def _begin_metering(**_: Any) -> None:
    _metering()


@worker_process_shutdown.connect
def _end_metering(**_: Any) -> None:
    _metering().stop()


@worker_before_create_process.connect
def _freeze(**_: Any) -> None:
    freeze_shared()


register(app, _stores)
register_periodic(app, _periods, _work)
