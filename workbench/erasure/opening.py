"""Erasures with everything they work on, built once; connects when used."""

from __future__ import annotations

from dataclasses import dataclass

from broker.contents import Contents
from broker.known_keys import KnownKeys
from broker.older import OnTheWay
from broker.parked import Parked
from config.settings import Settings
from events.ids import Clock, now_ms
from storage.blobs import Blobs
from storage.files.cache.frames import open_cache
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.erasable import Erasable
from storage.sql.erasure_traces import Traces
from storage.sql.erasures import Erasures
from storage.sql.packs import Packs
from storage.sql.projects import Projects
from workbench.erasure.asking import Asking
from workbench.erasure.driver import ErasureDriver
from workbench.erasure.finding import Finder
from workbench.erasure.hiding import Hider
from workbench.erasure.parked import ParkedEvents
from workbench.erasure.recording import Recorder
from workbench.erasure.report import Reports
from workbench.erasure.waiting import Waiting
from workbench.payloads import Payloads


@dataclass(frozen=True, slots=True)
class Erasing:
    """What web, commands and tasks do with erasures."""

    settings: Settings
    erasures: Erasures
    traces: Traces
    asking: Asking
    driver: ErasureDriver
    reports: Reports


def open_erasing(
    settings: Settings,
    database: Database,
    files: FileStore,
    search: SearchStore,
    clock: Clock = now_ms,
) -> Erasing:
    """Erasures over stores that are open already."""
    timeout = settings.broker_timeout_seconds
    erasures, erasable, projects = Erasures(database, clock), Erasable(database), Projects(database)
    traces, blobs = Traces(database), Blobs(database, files.bucket)
    parked = Parked(settings.redis_url, timeout=timeout)
    on_the_way = OnTheWay(settings.redis_url, timeout=timeout)
    contents = Contents(settings.redis_url, timeout=timeout)
    return Erasing(
        settings=settings,
        erasures=erasures,
        traces=traces,
        asking=Asking(settings, projects, erasures),
        driver=ErasureDriver(
            settings=settings,
            erasures=erasures,
            projects=projects,
            known_keys=KnownKeys(settings.redis_url, timeout=timeout),
            finder=Finder(erasable, files, Payloads(files)),
            parked=ParkedEvents(parked, files),
            waiting=Waiting(traces, on_the_way, settings.home),
            traces=traces,
            hider=Hider(traces, search, blobs, open_cache(settings, files)),
            blobs=blobs,
            recorder=Recorder(files, contents, Packs(database, clock), traces, clock),
            clock=clock,
        ),
        reports=Reports(settings, traces),
    )
