"""What the file server's routes work with: built once, connected at first use."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from app.api.access import TokenCheck
from config.settings import Settings
from storage.files.store import FileStore
from storage.sql.database import Database
from storage.sql.events import Events
from storage.sql.tokens import Tokens


@dataclass(frozen=True, slots=True)
class FilesDesk:
    """Every member is safe to share between threads. ``registry`` holds this process's metrics:
    a blueprint makes its own in it.
    """

    settings: Settings
    database: Database
    events: Events
    tokens: TokenCheck
    files: FileStore
    registry: CollectorRegistry


def open_desk(settings: Settings) -> FilesDesk:
    """The desk of the stores that ``settings`` name. Connects to none, so the service starts while
    one is down.
    """
    database = Database(settings.postgres_dsn, max_connections=settings.files_threads)
    return FilesDesk(
        settings=settings,
        database=database,
        events=Events(database),
        tokens=TokenCheck(Tokens(database), settings.key_cache_seconds),
        files=FileStore(settings),
        registry=CollectorRegistry(auto_describe=False),
    )
