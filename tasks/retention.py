"""The periodic tasks of retention: drop what is past its term, and keep the ledger's book small."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from config.settings import Settings
from events.ids import Clock, first_id, now_ms
from storage.retention.run import Retention, open_retention, run_retention
from storage.search.store import SearchStore
from storage.sql.blob_rows import BlobRows
from storage.sql.database import Database
from storage.sql.repeats import FORGOTTEN_AT_ONCE, SdkIds
from storage.sql.triage_actions import TriageActions
from storage.sql.triage_upkeep import TriageUpkeep
from workbench.ledger import LedgerBook, open_ledger

#: How long a run works, in seconds: less than its limits in the policy table.
RUN_SECONDS = 180.0
#: A statement of retention may pass over a day's partition.
_STATEMENT_SECONDS = 60.0
_BLOBS_AT_ONCE = 1000
_DAY_MS = 86_400_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keeper:
    """What the tasks of retention work with."""

    settings: Settings
    retention: Retention
    blobs: BlobRows
    ledger: LedgerBook
    sdk_ids: SdkIds
    clock: Clock
    actions: TriageActions
    triage: TriageUpkeep


def open_keeper(settings: Settings) -> Keeper:
    """Build the clients; each connects when it is first used."""
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    return Keeper(
        settings=settings,
        retention=open_retention(settings, database, SearchStore(settings)),
        blobs=BlobRows(database),
        ledger=open_ledger(settings, database, timeout=settings.broker_timeout_seconds),
        sdk_ids=SdkIds(database),
        clock=now_ms,
        actions=TriageActions(database),
        triage=TriageUpkeep(database),
    )


def drop_past(keeper: Keeper) -> None:
    """One run of retention, with blobs that have no event any more and old ids of SDKs.

    Raises :class:`StoreDown`.
    """
    report = run_retention(keeper.retention, RUN_SECONDS)
    if report is None:
        _log.info("retention_waits", reason="another process drops, rebuilds or merges")
        return
    floors = keeper.retention.terms.floors()
    for kind, floor in floors.types.items():
        keeper.blobs.drop_links(kind, first_id(floor))
    if floors.types:
        oldest = min(floors.types.values())
        keeper.triage.forget_releases(datetime.fromtimestamp(oldest / 1000, UTC))
    keeper.actions.forget_old()
    days = keeper.settings.blob_unlinked_days
    while (doomed := keeper.blobs.doom_unlinked(days, _BLOBS_AT_ONCE)).blobs == _BLOBS_AT_ONCE:
        report.counts["blobs"] += doomed.blobs
    report.counts["blobs"] += doomed.blobs
    before_ms = keeper.clock() - keeper.settings.sdk_id_days * _DAY_MS
    while keeper.sdk_ids.forget(before_ms) == FORGOTTEN_AT_ONCE:
        pass
    for held in report.held:
        _log.warning("retention_held", **held)
    _log.info("retention_ran", **report.document(), blobs=report.counts["blobs"])


def keep_ledger(keeper: Keeper) -> None:
    """Move old accepted counts, and tell old minutes by the day. Raises :class:`StoreDown`."""
    moved = keeper.ledger.move(keeper.settings.ledger_move_hours)
    days = keeper.ledger.roll_up(keeper.settings.ledger_minute_days)
    _log.info("ledger_kept", minutes_moved=moved, days_merged=days)
