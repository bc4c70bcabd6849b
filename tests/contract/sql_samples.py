"""Records and packs made for the SQL contract tests, and threads that start at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from config.settings import Settings
from events.ids import id_day, id_minute, new_id, now_ms
from events.record import GroupKey, Record
from storage.ledger import SettledCounts
from storage.model import DeadLetter, EventLocation, PackRef
from storage.query.parse import parse_query
from storage.sql.database import Database
from storage.sql.dead_letters import DeadLetters
from storage.sql.events import Events
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Groups
from storage.sql.ledger import Settled
from storage.sql.migrate import migrate
from storage.sql.packs import Packs
from storage.sql.projects import Project, Projects
from storage.sql.rows import Item

FILES_AT = datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC)
SEARCH_AT = datetime(2026, 11, 20, 10, 0, 3, tzinfo=UTC)
CRASH_ROW = ("KeyError", "no such key", "cart.total", "1.2.3", "till-3", None, None)


@dataclass(frozen=True)
class World:
    """A migrated database, what works on it, and a project and a moment of the test's own."""

    database: Database
    projects: Projects
    packs: Packs
    events: Events
    groups: Groups
    dead_letters: DeadLetters
    settled: Settled
    project: Project
    now_ms: int

    def wanted(self, query: str = "", **more: Any) -> GroupFilter:
        """Groups of the test's project that meet a query."""
        found = {"now": datetime.now(UTC), "project_id": self.project.id, **more}
        return GroupFilter(query=parse_query(query, "groups"), **found)

    def counts(self, event_id: UUID) -> SettledCounts:
        """What the ledger says of the event's minute, in the test's project."""
        minute = id_minute(event_id)
        found = self.settled.minutes(self.project.name, minute, minute)
        return sum_counts(found.values())


@contextmanager
def open_world(settings: Settings) -> Iterator[World]:
    migrate(settings.postgres_dsn)
    database = Database(settings.postgres_dsn, max_connections=8)
    projects = Projects(database)
    project, _ = projects.create(f"project {uuid4().hex}")
    yield World(
        database,
        projects,
        Packs(database),
        Events(database),
        Groups(database),
        DeadLetters(database),
        Settled(database),
        project,
        now_ms(),
    )
    database.close()


def sum_counts(counts: Iterable[SettledCounts]) -> SettledCounts:
    return sum(counts, SettledCounts())


def a_crash(
    world: World,
    *,
    fingerprint: str = "KeyError",
    user: str | None = None,
    at_ms: int | None = None,
    row: tuple[Any, ...] = CRASH_ROW,
    occurred_at: datetime | None = None,
) -> Record:
    group = GroupKey(f"{world.project.name} {fingerprint}", fingerprint, "cart.total")
    event_id = new_id(world.now_ms if at_ms is None else at_ms)
    return Record(event_id, world.project.id, occurred_at, user, row, dict, group)


def a_pack(records: Sequence[Record], type_name: str = "crash") -> tuple[PackRef, list[Item]]:
    pack_id = new_id(now_ms())
    key = f"{type_name}/{pack_id}.pack"
    pack = PackRef(pack_id, key, type_name, id_day(records[0].id), len(records), 1_000, 9_000)
    items: list[Item] = [
        (record, "raygun.entry", EventLocation(key, 0, 900, 100 * index, 100, 0xFFFF_FFFF))
        for index, record in enumerate(records)
    ]
    return pack, items


def a_letter(
    record: Record, stage: str, location: EventLocation | None = None, **changes: Any
) -> DeadLetter:
    fields = {
        "event_id": record.id,
        "project_id": record.project_id,
        "type": "crash",
        "stage": stage,
        "protocol": "raygun.entry",
        "code": "Refused",
        "reason": "it does not fit",
        "traceback": "",
        "attempts": 3,
        "at": SEARCH_AT,
        "location": location,
        "payload": None if location else b"{}",
    }
    return DeadLetter(**{**fields, **changes})


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What the calls return, each in a thread of its own, all started at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
