"""The periodic task of rollups: adds minutes up that are over, and those that changed since."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from config.settings import Settings
from storage.sql.database import Database
from storage.sql.rollups import Rollups, rolled_types

#: How long a run works, in seconds: less than the period, so that runs do not pile up.
RUN_SECONDS = 40.0
#: A slot of a project with as many series as it may have, on a machine that is busy.
_STATEMENT_SECONDS = 60.0

_log = structlog.get_logger(__name__)


def open_rollups(settings: Settings) -> Sequence[Rollups]:
    """The rollups of all types that have some; they connect when used."""
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    return [Rollups(database, type_name) for type_name in rolled_types()]


def roll_up(every: Sequence[Rollups], monotonic: Callable[[], float] = time.monotonic) -> None:
    """Make what is due anew, until the time is up: each type has its share of it.

    A kill at any point leaves no slot half made: the next run goes on. Raises ``StoreDown``.
    """
    began = monotonic()
    for number, rollups in enumerate(every, 1):
        left = partial(_left, monotonic, began + RUN_SECONDS * number / len(every))
        made = rollups.roll(left)
        if not left():
            _log.warning("rollups_behind", type=rollups.type, slots=made, left=rollups.waiting())
        elif made:
            _log.info("minutes_rolled_up", type=rollups.type, slots=made)


def _left(monotonic: Callable[[], float], until: float) -> bool:
    return monotonic() < until
