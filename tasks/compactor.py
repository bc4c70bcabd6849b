"""What compaction works with, and what a run of it is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from broker.load import Load
from config.settings import Settings
from events.ids import Clock
from storage.files.merge import Merging
from storage.files.store import FileStore
from storage.sql.compacting import Compacting
from storage.sql.database import Database
from storage.sql.doomed import DoomedPacks
from storage.sql.merges import Merges
from storage.sql.quarantine import Quarantine
from storage.sql.terms import Terms

#: How long a periodic run begins new merges, in seconds.
RUN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Compactor:
    """What compaction works with."""

    settings: Settings
    files: FileStore
    merging: Merging
    merges: Merges
    compacting: Compacting
    doomed: DoomedPacks
    quarantine: Quarantine
    terms: Terms
    load: Load
    clock: Clock
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is to do: of one type or all; ``now`` heeds neither ages nor backlog nor pace;
    ``dry`` only tells. No merge is begun ``seconds`` after the start.
    """

    kind: str | None = None
    now: bool = False
    dry: bool = False
    seconds: float = RUN_SECONDS


def open_compactor(
    settings: Settings, clock: Clock, sleep: Callable[[float], None], *, statement_seconds: float
) -> Compactor:
    """Build the clients; each connects when it is first used."""
    database = Database(settings.postgres_dsn, max_connections=1, timeout=statement_seconds)
    return Compactor(
        settings=settings,
        files=FileStore(settings),
        merging=Merging(settings),
        merges=Merges(database, settings.postgres_dsn),
        compacting=Compacting(database),
        doomed=DoomedPacks(database),
        quarantine=Quarantine(database),
        terms=Terms(database, clock=clock),
        load=Load(settings.redis_url, timeout=settings.broker_timeout_seconds),
        clock=clock,
        sleep=sleep,
    )
