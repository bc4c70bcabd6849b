"""The periodic task of triage: drives actions on groups, and does what time alone does to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from config.settings import Settings
from events.ids import Clock, now_ms
from storage.sql.database import Database
from storage.sql.triage_actions import TriageActions
from storage.sql.triage_upkeep import TriageUpkeep

#: How long a run drives, in seconds: less than the period, so that runs do not pile up.
DRIVE_SECONDS = 4.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TriageDesk:
    """What the task works with."""

    actions: TriageActions
    upkeep: TriageUpkeep
    clock: Clock


def open_triage(settings: Settings, clock: Clock = now_ms) -> TriageDesk:
    """Build the clients; they connect when first used."""
    database = Database(settings.postgres_dsn, max_connections=1)
    return TriageDesk(TriageActions(database, clock), TriageUpkeep(database), clock)


def keep_triage(desk: TriageDesk, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Step every action under way, in turns, until the time is up; and end what was to end.

    A kill at any point leaves nothing half done: the next run goes on. Raises ``StoreDown``.
    """
    ended = desk.upkeep.end_ignoring(datetime.fromtimestamp(desk.clock() / 1000, UTC))
    numbered = desk.upkeep.number()
    if ended or numbered:
        _log.info("groups_kept", ignoring_ended=ended, numbered=numbered)
    until = monotonic() + DRIVE_SECONDS
    while (waiting := desk.actions.under_way()) and monotonic() < until:
        for action_id in waiting:
            action = desk.actions.step(action_id)
            if action.state in ("finished", "undone"):
                _log.info("groups_decided", action=str(action_id), state=action.state)
