"""The worker's entry: ``celery --app tasks.worker:app worker -Q …``."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from celery.signals import (
    setup_logging,
    worker_before_create_process,
    worker_process_init,
    worker_process_shutdown,
)

from broker.periods import Periods
from config.logs import configure_logs
from config.settings import load_settings
from events.ids import now_ms
from storage.metering import Metering, start_metering
from storage.sql.database import Database
from storage.sql.usage import Usage
from tasks.app import create_celery
from tasks.canary import Canaries, open_canaries, run_canaries
from tasks.compaction import compact_recent
from tasks.compactor import Compactor, open_compactor
from tasks.erasing import drive_erasures, open_eraser
from tasks.memory import freeze_shared, recycle_beyond, settle_child
from tasks.quotas import share_quotas
from tasks.reconcile import reconcile_recent
from tasks.redacting import share_rules
from tasks.replay import drive_replays, open_replays
from tasks.rerun import Rerun
from tasks.retention import Keeper, drop_past, keep_ledger, open_keeper
from tasks.schedule import register_periodic
from tasks.stages import register
from tasks.stores import WorkerStores, open_worker_stores
from tasks.upkeep import Upkeep, open_upkeep
from tasks.uploads import UploadSweep, open_upload_sweep, sweep_uploads
from tasks.usage import open_usage, sample_storage
from workbench.erasure.opening import Erasing
from workbench.opening import Workbench
from workbench.quotas import QuotaBook, open_quotas
from workbench.redaction import RedactionBook, open_redaction

#: A statement of compaction may look through table ``packs``, or move a run of rows.
_COMPACT_SECONDS = 60.0

settings = load_settings(os.environ)
app = create_celery(settings)
recycle_beyond(app, settings.worker_recycle_mb)


@cache
def _stores() -> WorkerStores:
    return open_worker_stores(settings)


@cache
def _upkeep() -> Upkeep:
    return open_upkeep(settings)


@cache
def _canaries() -> Canaries:
    return open_canaries(settings)


@cache
def _compactor() -> Compactor:
    return open_compactor(settings, now_ms, time.sleep, statement_seconds=_COMPACT_SECONDS)


@cache
def _eraser() -> Erasing:
    return open_eraser(settings)


@cache
def _uploads() -> UploadSweep:
    return open_upload_sweep(settings)


@cache
def _keeper() -> Keeper:
    return open_keeper(settings)


@cache
def _redaction() -> RedactionBook:
    return open_redaction(settings, Database(settings.postgres_dsn, max_connections=1))


@cache
def _quotas() -> QuotaBook:
    return open_quotas(settings, Database(settings.postgres_dsn, max_connections=1))


@cache
def _usage() -> Usage:
    return open_usage(settings)


@cache
def _replays() -> Workbench:
    return open_replays(settings)


@cache
def _periods() -> Periods:
    return Periods(settings.redis_url, timeout=settings.broker_timeout_seconds)


@setup_logging.connect
def _logs(**_: Any) -> None:
    configure_logs(settings.log_level, process="worker")


@cache
def _metering() -> Metering:
    return start_metering(settings)


@worker_process_init.connect
def _settle(**_: Any) -> None:
    settle_child()


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
register_periodic(
    app,
    _periods,
    {
        "sluice.canary": lambda: run_canaries(_canaries()),
        "sluice.reconcile": lambda: reconcile_recent(_upkeep(), Rerun(app, now_ms), now_ms),
        "sluice.compact": lambda: compact_recent(_compactor()),
        "sluice.erase": lambda: drive_erasures(_eraser()),
        "sluice.uploads": lambda: sweep_uploads(_uploads()),
        "sluice.redaction": lambda: share_rules(_redaction()),
        "sluice.quotas": lambda: share_quotas(_quotas()),
        "sluice.retention": lambda: drop_past(_keeper()),
        "sluice.ledger": lambda: keep_ledger(_keeper()),
        "sluice.usage": lambda: sample_storage(_usage()),
        "sluice.replay": lambda: drive_replays(_replays()),
    },
)
