"""What the system's own tasks work with, opened once a process and lazily."""

from __future__ import annotations

from dataclasses import dataclass

from broker.client import Broker
from broker.contents import Contents
from config.settings import Settings
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.doomed import DoomedPacks
from storage.sql.quarantine import Quarantine
from storage.sql.reconcile import Reconciling
from storage.sql.repairs import Repairs
from storage.sql.terms import Terms, open_terms
from workbench.ledger import LedgerBook, open_ledger

#: A comparison may read more at once than a stage, and nobody waits for it.
_STATEMENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The stores and the broker as reconciling sees them."""

    settings: Settings
    broker: Broker
    contents: Contents
    files: FileStore
    search: SearchStore
    packs: Reconciling
    repairs: Repairs
    doomed: DoomedPacks
    quarantine: Quarantine
    terms: Terms
    ledger: LedgerBook


def open_upkeep(settings: Settings) -> Upkeep:
    """Build the clients; each connects when it is first used."""
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    timeout = settings.broker_timeout_seconds
    return Upkeep(
        settings=settings,
        broker=Broker(settings.redis_url, timeout=timeout),
        contents=Contents(settings.redis_url, timeout=timeout),
        files=FileStore(settings),
        search=SearchStore(settings),
        packs=Reconciling(database),
        repairs=Repairs(database),
        doomed=DoomedPacks(database),
        quarantine=Quarantine(database),
        terms=open_terms(settings, database),
        ledger=open_ledger(settings, database, timeout=timeout),
    )
