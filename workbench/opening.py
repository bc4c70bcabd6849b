"""The workbench with everything it works on, built once; connects when used."""

from __future__ import annotations

from dataclasses import dataclass

from broker.client import Broker
from broker.parked import Parked
from config.settings import Settings
from storage.files.store import FileStore
from storage.sql.audit import Audit
from storage.sql.clusters import Clusters
from storage.sql.database import Database
from storage.sql.dead_letters import DeadLetters
from storage.sql.letter_actions import LetterActions
from storage.sql.packs import Packs
from storage.sql.projects import Projects
from storage.sql.replay_items import ReplayItems
from storage.sql.replays import Replays
from workbench.burying import Burial
from workbench.payloads import Payloads
from workbench.replaying import ReplayDriver


@dataclass(frozen=True, slots=True)
class Workbench:
    """What web, commands and tasks do with dead letters. Safe to share between threads."""

    settings: Settings
    broker: Broker
    projects: Projects
    letters: DeadLetters
    actions: LetterActions
    clusters: Clusters
    replays: Replays
    items: ReplayItems
    driver: ReplayDriver
    payloads: Payloads
    parked: Parked
    burial: Burial
    audit: Audit


def open_workbench(
    settings: Settings, database: Database, broker: Broker, files: FileStore
) -> Workbench:
    """The workbench over stores that are open already."""
    replays, payloads = Replays(database), Payloads(files)
    letters, audit, items = DeadLetters(database), Audit(database), ReplayItems(database)
    parked = Parked(settings.redis_url, timeout=settings.broker_timeout_seconds)
    return Workbench(
        settings=settings,
        broker=broker,
        projects=Projects(database),
        letters=letters,
        actions=LetterActions(database),
        clusters=Clusters(database),
        replays=replays,
        items=items,
        driver=ReplayDriver(settings, replays, items, payloads, broker),
        payloads=payloads,
        parked=parked,
        burial=Burial(parked, letters, Packs(database), files, audit),
        audit=audit,
    )
