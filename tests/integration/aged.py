"""Events as they lie in the stores days after they came, for tests of retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg2 import sql

from config.settings import Settings
from events.envelope import Envelope
from events.ids import id_day, new_id, now_ms
from storage.errors import NotFound
from storage.floors import DAY_MS
from storage.retention.run import Retention, open_retention
from tests.integration.api_world import World, crash

DAYS = {"retention_days": "crash=10,rum=5", "retention_bytes": ""}
_TABLES = (
    "packs, crash_events, rum_events, groups, group_users, dead_letters, ledger, repairs, rebuilds,"
    " doomed_packs, gone_packs, merges, retired_days, project_terms, tombstones, sdk_ids,"
    " repeated_events, spare_copies, ledger_rolled, accepted_moves, group_hours, group_versions,"
    " group_history, releases"
)


def short_terms(settings: Settings, **changes: Any) -> Settings:
    """The settings with terms of days."""
    return replace(settings, **{**DAYS, **changes})


def empty(world: World) -> None:
    """Nothing in SQL but projects, no index, and nothing in the broker."""
    world.stores.broker._client.flushdb()
    with world.stores.database.transaction() as cursor:
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(_TABLES)))
        cursor.execute("INSERT INTO ledger_rolled (before_minute) VALUES (0)")
        for kind in ("crash", "rum"):
            cursor.execute(
                "SELECT child.relname FROM pg_inherits JOIN pg_class AS child"
                " ON child.oid = inhrelid WHERE inhparent = %s::regclass",
                (f"{kind}_events",),
            )
            for (name,) in cursor.fetchall():
                cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    world.stores.packs._partitions.forget()
    for kind in ("crash", "rum"):
        for month in world.stores.search.months(kind):
            world.stores.search.drop_month(kind, month)


def envelopes(
    world: World, count: int, days_ago: float, project: str = "shop", line: str = "pay"
) -> list[Envelope]:
    at = now_ms() - int(days_ago * DAY_MS)
    return [
        Envelope(
            new_id(at + n),
            world.numbers[project],
            "crash",
            "raygun.entry",
            crash(f"order {n}", line, user={"identifier": f"{line}-{n % 3}"}),
        )
        for n in range(count)
    ]


def age(
    world: World, count: int, days_ago: float, project: str = "shop", line: str = "pay"
) -> list[UUID]:
    """Crashes of some days ago, accepted and stored; those of a ``line`` are one group."""
    made = envelopes(world, count, days_ago, project, line)
    world.accept(made)
    return world.store(made)


def retention(world: World, settings: Settings) -> Retention:
    return open_retention(settings, world.stores.database, world.stores.search)


def query(world: World, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with world.stores.database.transaction() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def days_of(ids: Sequence[UUID]) -> set[date]:
    return {id_day(event_id) for event_id in ids}


def partitions(world: World) -> set[str]:
    return {
        name
        for (name,) in query(
            world,
            "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid"
            " WHERE inhparent = 'crash_events'::regclass",
        )
    }


def ledger_totals(world: World) -> dict[str, int]:
    last = now_ms() // 60_000
    sides = world.stores.ledger.read(None, last - 1440 * 60, last)
    return {
        "accepted": sum(sides.accepted.values()),
        "settled": sum(counts.total() for counts in sides.settled.values()),
    }


def seen(world: World, ids: Sequence[UUID]) -> set[str]:
    """Every way in which a reader still meets one of the events."""
    wanted = {str(event_id) for event_id in ids}
    found = set()
    for event_id in wanted:
        for path in ("/events/{}", "/events/{}/raw", "/receipts/{}"):
            if world.get("/api/v1" + path.format(event_id)).status_code != 404:
                found.add(path)
    listed = world.json("/api/v1/search?limit=200")["items"]
    for project in world.numbers:
        listed += world.json(f"/api/v1/search?project={project}&type=crash&limit=200")["items"]
    if wanted & {item["id"] for item in listed}:
        found.add("search")
    for group in world.json("/api/v1/groups?limit=200")["items"]:
        items = world.json(f"/api/v1/groups/{group['id']}/events?limit=200")["items"]
        if wanted & {item["id"] for item in items}:
            found.add("group")
    return found


def dangling(world: World) -> set[UUID]:
    """Rows whose pack is not on record, or whose bytes are not there."""
    rows = query(
        world,
        "SELECT event.id, packs.key FROM crash_events AS event"
        " LEFT JOIN packs ON packs.id = event.pack_id",
    )
    gone = {event_id for event_id, key in rows if key is None}
    for key in {key for _, key in rows if key is not None}:
        try:
            world.stores.files.read_index(key)
        except NotFound:
            gone |= {event_id for event_id, of in rows if of == key}
    return gone


def midnight_of(event_id: UUID) -> datetime:
    day = id_day(event_id)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(1)
