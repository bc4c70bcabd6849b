"""What a worker process works with, opened once and lazily: clients must not cross a fork."""

from __future__ import annotations

from dataclasses import dataclass

from broker.reservations import Reservations
from config.settings import Settings
from storage.blobs import Blobs
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.dead_letters import DeadLetters
from storage.sql.packs import Packs
from storage.sql.quarantine import Quarantine
from tasks.redacting import Redactors
from workbench.redaction import open_redaction


@dataclass(frozen=True, slots=True)
class WorkerStores:
    """The stores and the broker as a stage sees them."""

    settings: Settings
    reservations: Reservations
    files: FileStore
    blobs: Blobs
    packs: Packs
    dead_letters: DeadLetters
    search: SearchStore
    redactors: Redactors
    quarantine: Quarantine


def open_worker_stores(settings: Settings) -> WorkerStores:
    """Build the clients; each connects when it is first used."""
    database = Database(settings.postgres_dsn, max_connections=1)
    files = FileStore(settings)
    return WorkerStores(
        settings=settings,
        reservations=Reservations(settings.redis_url, timeout=settings.broker_timeout_seconds),
        files=files,
        blobs=Blobs(database, files.bucket),
        packs=Packs(database),
        dead_letters=DeadLetters(database),
        search=SearchStore(settings),
        redactors=Redactors(open_redaction(settings, database)),
        quarantine=Quarantine(database),
    )
