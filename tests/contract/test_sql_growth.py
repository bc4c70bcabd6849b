"""Groups as events come and go: numbers, trend by hour and version, releases, where they stand.

Whatever is repeated, races or is taken out again, what is counted by hour and version is what rows
there are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from sql_samples import CRASH_ROW, FILES_AT, World, a_crash, a_pack, at_once, open_world

from config.settings import Settings
from events.ids import id_time
from events.record import Record
from events.triage import Resolution, Triage, Until, ignored, resolved
from storage.sql.group_triage import lock_standings, write_triage
from storage.sql.groups import Group
from storage.sql.growth import id_hour
from storage.sql.release_list import Releases
from tests.counted import assert_counted_as_rows

HOUR_MS = 3_600_000


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def crash_of(world: World, version: str | None, **changes: object) -> Record:
    row = (*CRASH_ROW[:3], version, *CRASH_ROW[4:])
    return a_crash(world, row=row, **changes)  # type: ignore[arg-type]


def store(world: World, *records: Record) -> int:
    pack, items = a_pack(records)
    return world.packs.store(pack, FILES_AT, items)


def group_of(world: World, record: Record) -> Group:
    assert record.group is not None
    group = world.groups.find(record.group.group_id(record.project_id))
    assert group is not None
    return group


def stand(world: World, record: Record, triage: Triage) -> None:
    """Let a record's group stand so, as a person would have it."""
    with world.database.transaction() as cursor:
        write_triage(cursor, group_of(world, record).id, triage)


def hours(world: World, group_id: UUID) -> dict[tuple[int, str], int]:
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT hour, version, events FROM group_hours WHERE group_id = %s", (group_id,)
        )
        return {(hour, version): events for hour, version, events in cursor}


def history(world: World, group_id: UUID) -> list[tuple[str, dict[str, object]]]:
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT action, detail FROM group_history WHERE group_id = %s ORDER BY id", (group_id,)
        )
        return cursor.fetchall()


def test_an_id_has_the_same_hour_in_sql(world: World) -> None:
    for at_ms in (0, HOUR_MS - 1, HOUR_MS, world.now_ms, 2**48 - 1):
        record = a_crash(world, at_ms=at_ms)
        with world.database.transaction() as cursor:
            cursor.execute("SELECT id_hour(%s)", (record.id,))
            assert cursor.fetchall() == [(id_hour(record.id),)]


def test_events_are_counted_by_hour_and_version(world: World) -> None:
    now = world.now_ms
    records = [
        crash_of(world, version, at_ms=now - age * HOUR_MS)
        for age, version in ((0, "1.0"), (0, "1.0"), (0, "1.1"), (1, "1.0"), (1, None))
    ]
    pack, items = a_pack(records)
    for _ in range(2):
        world.packs.store(pack, FILES_AT, items)
    hour = id_hour(records[0].id)
    group = group_of(world, records[0])
    assert hours(world, group.id) == {
        (hour, "1.0"): 2,
        (hour, "1.1"): 1,
        (hour - 1, "1.0"): 1,
        (hour - 1, ""): 1,
    }
    assert_counted_as_rows(world.database)


def test_overlapping_packs_at_once_are_counted_as_their_rows(world: World) -> None:
    """Groups, hours, versions and users shared by all; no deadlock, and nothing twice."""
    now, dice = world.now_ms, random.Random(5)
    records = [
        crash_of(
            world,
            f"1.{n % 4}",
            fingerprint=f"g{n % 9}",
            user=f"u{n % 4}",
            at_ms=now - dice.randrange(3) * HOUR_MS,
        )
        for n in range(400)
    ]
    packs = [a_pack(dice.sample(records, 300)) for _ in range(6)]
    at_once(*[partial(world.packs.store, pack, FILES_AT, items) for pack, items in packs])
    assert_counted_as_rows(world.database)
    groups = world.groups.list(world.wanted()).items
    assert sorted(group.number or 0 for group in groups) == list(range(1, 10))


def test_numbers_are_the_project_s_own_short_and_for_good(world: World) -> None:
    first, second = a_crash(world, fingerprint="a"), a_crash(world, fingerprint="b")
    store(world, first)
    store(world, second, a_crash(world, fingerprint="a"))
    assert (group_of(world, first).number, group_of(world, second).number) == (1, 2)
    assert world.groups.find_number(world.project.id, 2) == group_of(world, second)
    assert world.groups.find_number(world.project.id, 3) is None
    other, _ = world.projects.create(f"project {uuid4().hex}")
    assert world.groups.find_number(other.id, 1) is None
    elsewhere = replace(first, id=a_crash(world).id, project_id=other.id)
    store(world, elsewhere)
    assert group_of(world, elsewhere).number == 1


def test_new_groups_of_one_project_at_once_get_numbers_without_a_gap(world: World) -> None:
    packs = [[a_crash(world, fingerprint=f"{n} {m}") for m in range(20)] for n in range(6)]
    at_once(*[partial(store, world, *records) for records in packs])
    groups = world.groups.list(world.wanted(), limit=200).items
    assert sorted(group.number or 0 for group in groups) == list(range(1, 121))


def test_releases_are_those_that_events_came_in(world: World) -> None:
    now, releases = world.now_ms, Releases(world.database)
    old = crash_of(world, "1.9", at_ms=now - 3 * HOUR_MS)
    store(world, old, crash_of(world, "1.10", at_ms=now), crash_of(world, None, at_ms=now))
    store(world, crash_of(world, "1.10", at_ms=now - HOUR_MS), crash_of(world, "1.9", at_ms=now))
    page = releases.list(world.project.id, id_time(a_crash(world).id))
    assert [release.version for release in page.items] == ["1.10", "1.9"]
    latest, earlier = page.items
    assert (latest.events, latest.groups, latest.new) == (2, 1, 0)
    assert (earlier.events, earlier.groups, earlier.new) == (2, 1, 1)
    assert earlier.first_seen == id_time(old.id)
    assert earlier.last_seen >= id_time(old.id) + timedelta(hours=2)
    assert (latest.recent, latest.recent_of) == (2, 5)
    assert releases.latest(world.project.id) == "1.10"


def test_a_resolved_group_that_comes_back_is_a_regression_once(world: World) -> None:
    first = crash_of(world, "1.0", at_ms=world.now_ms - HOUR_MS)
    store(world, first)
    stand(world, first, resolved(Triage(), id_time(first.id) + timedelta(minutes=1)))
    store(world, crash_of(world, "1.0", at_ms=world.now_ms - HOUR_MS - 1000))
    assert group_of(world, first).status == "resolved"  # received before, stored late
    back = crash_of(world, "1.0")
    pack, items = a_pack([back])
    for _ in range(2):
        world.packs.store(pack, FILES_AT, items)
    group = group_of(world, first)
    assert (group.status, group.triage.since) == ("regressed", id_time(back.id))
    assert [action for action, _ in history(world, group.id)] == ["regressed"]
    stand(world, first, resolved(group.triage, id_time(back.id) + timedelta(minutes=1)))
    world.packs.store(pack, FILES_AT, items)  # delivered again: nothing of it is new
    assert group_of(world, first).status == "resolved"


@pytest.mark.parametrize(
    ("resolution", "version", "status"),
    [
        (Resolution("1.2"), "1.1.9", "resolved"),
        (Resolution("1.2"), "1.2", "regressed"),
        (Resolution("1.2", after=True), "1.2.0", "resolved"),
        (Resolution("1.2", after=True), "1.10", "regressed"),
        (Resolution("1.2"), None, "resolved"),
        (Resolution("first"), "second", "regressed"),
        (Resolution("second"), "first", "resolved"),
    ],
)
def test_resolved_in_a_version(
    world: World, resolution: Resolution, version: str | None, status: str
) -> None:
    first = crash_of(world, "1.0")
    seen = [
        crash_of(world, name, at_ms=world.now_ms - 9000 + n)
        for n, name in enumerate(("first", "second"))
    ]
    store(world, first)
    for record in seen:
        store(world, replace(record, group=a_crash(world, fingerprint="other").group))
    stand(world, first, resolved(Triage(), id_time(first.id), resolution))
    store(world, crash_of(world, version))
    group = group_of(world, first)
    assert group.status == status
    if status == "regressed":
        ((action, detail),) = history(world, group.id)
        assert (action, detail["version"]) == ("regressed", version)


def test_a_regression_among_many_at_once_happens_once(world: World) -> None:
    first = a_crash(world)
    store(world, first)
    stand(world, first, resolved(Triage(), id_time(first.id) - timedelta(hours=1)))
    at_once(*[partial(store, world, a_crash(world), a_crash(world)) for _ in range(6)])
    group = group_of(world, first)
    assert (group.count, group.status) == (13, "regressed")
    assert len(history(world, group.id)) == 1


@pytest.mark.parametrize(
    ("until", "users", "status"),
    [
        (Until(), 5, "ignored"),
        (Until(count=4), 1, "open"),
        (Until(count=5), 1, "ignored"),
        (Until(users=3), 3, "open"),
        (Until(users=4), 3, "ignored"),
    ],
)
def test_ignored_until_so_many(world: World, until: Until, users: int, status: str) -> None:
    first = a_crash(world, user="user 0")
    store(world, first)
    stand(world, first, ignored(Triage(), id_time(first.id), until))
    for n in range(1, 4):
        store(world, a_crash(world, user=f"user {n % users}"))
    group = group_of(world, first)
    assert group.status == status
    entries = [action for action, _ in history(world, group.id)]
    assert entries == ([] if status == "ignored" else ["ignore_ended"])


def test_a_standing_goes_to_sql_and_back(world: World) -> None:
    record = a_crash(world)
    store(world, record)
    group = group_of(world, record)
    now = id_time(record.id)
    standings = [
        resolved(Triage(assignee="ann"), now, Resolution("1.2", after=True)),
        ignored(Triage(), now, Until(now + timedelta(days=1), 7, 9)),
        Triage(),
    ]
    for triage in standings:
        with world.database.transaction() as cursor:
            write_triage(cursor, group.id, triage)
            (standing,) = lock_standings(cursor, [group.id])
        assert standing.triage == triage
