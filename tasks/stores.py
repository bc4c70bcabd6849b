"""What a worker process works with, opened once and lazily: clients must not cross a fork."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from broker.reservations import Reservations
from config.settings import Settings
from storage.blobs import Blobs
from storage.files.store import FileStore
from storage.sql.database import Database
from storage.sql.dead_letters import DeadLetters
from storage.sql.packs import Packs
from storage.sql.quarantine import Quarantine
from tasks.filling import Filling
from tasks.redacting import Redactors
from workbench.redaction import open_redaction

if TYPE_CHECKING:
    from storage.search.store import SearchStore


@dataclass(frozen=True)
class WorkerStores:
    """The stores and the broker as a stage sees them."""

    settings: Settings
    reservations: Reservations
    files: FileStore
    blobs: Blobs
    packs: Packs
    dead_letters: DeadLetters
    redactors: Redactors
    quarantine: Quarantine
    filling: Filling

    @cached_property
    def search(self) -> SearchStore:
        """Elasticsearch's client takes 20 MB, and only stage ``search`` needs it."""
        from storage.search.store import SearchStore  # noqa: PLC0415 - the point

        return SearchStore(self.settings)


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
        redactors=Redactors(open_redaction(settings, database)),
        quarantine=Quarantine(database),
        filling=Filling(settings.pack_seconds, time.monotonic, time.sleep),
    )
