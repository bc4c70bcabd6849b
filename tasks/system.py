"""The work of the system's periodic tasks, and what each works with: opened once a process, lazily.

Only who runs such a task imports this: it brings clients of all stores, which other pools do
without (:mod:`tasks.worker`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import cache

from celery import Celery

from config.settings import Settings, load_settings
from events.ids import now_ms
from storage.sql.database import Database
from storage.sql.rollups import Rollups
from storage.sql.usage import Usage
from tasks.canary import Canaries, open_canaries, run_canaries
from tasks.compaction import compact_recent
from tasks.compactor import Compactor, open_compactor
from tasks.erasing import drive_erasures, open_eraser
from tasks.quotas import share_quotas
from tasks.reconcile import reconcile_recent
from tasks.redacting import share_rules
from tasks.replay import drive_replays, open_replays
from tasks.rerun import Rerun
from tasks.retention import Keeper, drop_past, keep_ledger, open_keeper
from tasks.rollups import open_rollups, roll_up
from tasks.schedule import Work
from tasks.triage import TriageDesk, keep_triage, open_triage
from tasks.upkeep import Upkeep, open_upkeep
from tasks.uploads import UploadSweep, open_upload_sweep, sweep_uploads
from tasks.usage import open_usage, sample_storage
from workbench.erasure.opening import Erasing
from workbench.opening import Workbench
from workbench.quotas import QuotaBook, open_quotas
from workbench.redaction import RedactionBook, open_redaction

#: A statement of compaction may look through table ``packs``, or move a run of rows.
_COMPACT_SECONDS = 60.0


@cache
def _settings() -> Settings:
    return load_settings(os.environ)


@cache
def _upkeep() -> Upkeep:
    return open_upkeep(_settings())


@cache
def _canaries() -> Canaries:
    return open_canaries(_settings())


@cache
def _compactor() -> Compactor:
    return open_compactor(_settings(), now_ms, time.sleep, statement_seconds=_COMPACT_SECONDS)


@cache
def _eraser() -> Erasing:
    return open_eraser(_settings())


@cache
def _uploads() -> UploadSweep:
    return open_upload_sweep(_settings())


@cache
def _keeper() -> Keeper:
    return open_keeper(_settings())


@cache
def _redaction() -> RedactionBook:
    return open_redaction(_settings(), Database(_settings().postgres_dsn, max_connections=1))


@cache
def _quotas() -> QuotaBook:
    return open_quotas(_settings(), Database(_settings().postgres_dsn, max_connections=1))


@cache
def _usage() -> Usage:
    return open_usage(_settings())


@cache
def _rollups() -> Sequence[Rollups]:
    return open_rollups(_settings())


@cache
def _replays() -> Workbench:
    return open_replays(_settings())


@cache
def _triage() -> TriageDesk:
    return open_triage(_settings())


def works(app: Celery) -> dict[str, Work]:
    """The work of each system task of the policy table, by its name."""
    return {
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
        "sluice.rollups": lambda: roll_up(_rollups()),
        "sluice.replay": lambda: drive_replays(_replays()),
        "sluice.triage": lambda: keep_triage(_triage()),
    }
