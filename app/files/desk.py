"""What the file server's routes work with: built once, connected at first use."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from app.api.access import CallerCheck
from app.files.access import Gate
from app.files.counting import count_reads, register_sizes
from app.files.signing import open_signer
from config.settings import Settings
from storage.blobs import Blobs
from storage.files.cache.frames import FrameCache, open_cache
from storage.files.store import FileStore
from storage.reading import EventReader
from storage.sql.database import Database
from storage.sql.events import Events
from storage.sql.projects import Projects
from storage.sql.terms import open_terms
from storage.sql.tokens import Tokens


@dataclass(frozen=True, slots=True)
class FilesDesk:
    """Every member is safe to share between threads. ``registry`` holds this process's metrics:
    a blueprint makes its own in it.
    """

    settings: Settings
    database: Database
    events: Events
    gate: Gate
    files: FileStore
    cache: FrameCache
    reader: EventReader
    blobs: Blobs
    projects: Projects
    registry: CollectorRegistry


def open_desk(settings: Settings) -> FilesDesk:
    """The desk of the stores that ``settings`` name. Connects to none, so the service starts while
    one is down.
    """
    database = Database(settings.postgres_dsn, max_connections=settings.files_threads)
    events, files = Events(database, open_terms(settings, database)), FileStore(settings)
    registry = CollectorRegistry(auto_describe=False)
    cache = open_cache(settings, files, count_reads(registry))
    register_sizes(registry, cache)
    return FilesDesk(
        settings=settings,
        database=database,
        events=events,
        gate=Gate(CallerCheck(Tokens(database), settings.key_cache_seconds), open_signer(settings)),
        files=files,
        cache=cache,
        reader=EventReader(events, cache),
        blobs=Blobs(database, files.bucket),
        projects=Projects(database),
        registry=registry,
    )
