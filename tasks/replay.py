"""The periodic driver of replays: goes on with what the web tier started or a killed one left."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import structlog

from broker.client import Broker
from config.settings import Settings
from storage.files.store import FileStore
from storage.replay import Replay
from storage.sql.database import Database
from workbench.opening import Workbench, open_workbench

#: How long a run drives, in seconds: less than the period, so that runs do not pile up.
DRIVE_SECONDS = 4.0
PAUSE_SECONDS = 0.2

_log = structlog.get_logger(__name__)


def drive_replays(
    workbench: Workbench,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Step every replay that is under way, in turns, until the time is up or all of them wait.

    A kill at any point leaves nothing half done: the next run goes on. Raises
    :class:`StoreDown`.
    """
    until = clock() + DRIVE_SECONDS
    sending = workbench.replays.under_way()
    while sending and clock() < until:
        replays = [_step(workbench, replay_id) for replay_id in sending]
        sending = [one.id for one in replays if one is not None and one.can_send]
        if sending:
            sleep(PAUSE_SECONDS)


def _step(workbench: Workbench, replay_id: UUID) -> Replay | None:
    replay = workbench.driver.step(replay_id)
    if replay is not None and not replay.active:
        _log.info("replay_over", replay=str(replay_id), status=replay.status)
    return replay


def open_replays(settings: Settings) -> Workbench:
    """The workbench of a worker process; connects when used."""
    database = Database(settings.postgres_dsn, max_connections=1)
    broker = Broker(settings.redis_url, timeout=settings.broker_timeout_seconds)
    return open_workbench(settings, database, broker, FileStore(settings))
