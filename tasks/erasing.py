"""The periodic driver of erasures: goes on with what was asked for, or a killed one left."""

from __future__ import annotations

import time
from collections.abc import Callable

from config.settings import Settings
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from workbench.erasure.opening import Erasing, open_erasing

#: How long a run drives, in seconds: less than the period, so that runs do not pile up.
DRIVE_SECONDS = 8.0
#: A page is one transaction with up to 500 rows of which each may end a group.
_STATEMENT_SECONDS = 60.0


def drive_erasures(
    erasing: Erasing,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Step every erasure that is under way, in turns, until the time is up or all of them wait.

    A kill at any point leaves nothing half done: the next run goes on. Raises ``StoreDown``.
    """
    until = clock() + DRIVE_SECONDS
    going = {one.id: one.steps for one in erasing.erasures.under_way()}
    while going and clock() < until:
        for erasure_id, steps in list(going.items()):
            erasure = erasing.driver.step(erasure_id)
            if erasure is None or not erasure.active or erasure.steps == steps:
                del going[erasure_id]
            else:
                going[erasure_id] = erasure.steps


def open_eraser(settings: Settings) -> Erasing:
    """Erasures as a worker process drives them; connects when used."""
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    return open_erasing(settings, database, FileStore(settings), SearchStore(settings))
