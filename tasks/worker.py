"""The worker's entry: ``celery --app tasks.worker:app worker -Q …``."""

from __future__ import annotations

import gc
import os
from functools import cache
from typing import Any

from celery.signals import setup_logging, worker_before_create_process

from config.logs import configure_logs
from config.settings import load_settings
from tasks.app import create_celery
from tasks.stages import register
from tasks.stores import WorkerStores, open_worker_stores

settings = load_settings(os.environ)
app = create_celery(settings)


@cache
def _stores() -> WorkerStores:
    return open_worker_stores(settings)


@setup_logging.connect
def _logs(**_: Any) -> None:
    configure_logs(settings.log_level, process="worker")


@worker_before_create_process.connect
def _freeze(**_: Any) -> None:
    """Keep the collector off what parent and child share, so that its pages stay shared."""
    gc.collect()
    gc.freeze()


register(app, _stores)
