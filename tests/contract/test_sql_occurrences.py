"""Going through the occurrences of a group: the one that tells most, and those around one."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from sql_samples import FILES_AT, World, a_crash, a_pack, open_world

from config.settings import Settings
from events.ids import new_id
from storage.sql.occurrences import LATEST, Around, Occurrences
from storage.sql.terms import Terms
from storage.sql.triage_actions import TriageActions

HOUR_MS = 3_600_000


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


@pytest.fixture
def occurrences(world: World) -> Occurrences:
    return Occurrences(world.database, Terms(world.database))


def seed(world: World, fingerprint: str, *hours: int) -> list[UUID]:
    """Events of a fingerprint, each so many hours ago; they are stored as given, in one pack."""
    records = [
        a_crash(world, fingerprint=fingerprint, at_ms=world.now_ms - hour * HOUR_MS)
        for hour in hours
    ]
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)
    return [record.id for record in records]


def test_those_around_one_are_found_over_days(world: World, occurrences: Occurrences) -> None:
    newest, middle, oldest = seed(world, "a", 0, 30, 60)
    (group,) = world.groups.list(world.wanted()).items
    ids = [group.id]
    assert occurrences.around(group, ids, middle) == Around(newest, oldest, oldest, newest)
    assert occurrences.around(group, ids, newest) == Around(None, middle, oldest, newest)
    assert occurrences.around(group, ids, oldest) == Around(middle, None, oldest, newest)
    between = new_id(world.now_ms - 10 * HOUR_MS)
    assert occurrences.around(group, ids, between) == Around(newest, middle, oldest, newest)


def test_a_merge_is_gone_through_as_one(world: World, occurrences: Occurrences) -> None:
    a1, a2 = seed(world, "a", 1, 3)
    (b1,) = seed(world, "b", 2)
    actions = TriageActions(world.database)
    ids = [one.id for one in world.groups.list(world.wanted()).items]
    action = actions.freeze(world.project.id, "merge", {}, ids, "ann")
    actions.start(action.id, "ann")
    actions.step(action.id)
    (group,) = world.groups.list(world.wanted()).items
    members = [one.id for one in world.groups.members(group.id)]
    assert occurrences.around(group, members, b1) == Around(a1, a2, a2, a1)


def test_the_one_with_most_data_of_the_last_is_the_best(
    world: World, occurrences: Occurrences
) -> None:
    ids = seed(world, "a", *range(LATEST + 2))
    (group,) = world.groups.list(world.wanted()).items
    assert occurrences.best(group, [group.id]) == ids[0]
    with world.database.transaction() as cursor:
        for event_id, length in ((ids[3], 900), (ids[-1], 5000)):
            cursor.execute(
                "UPDATE crash_events SET slice_length = %s WHERE id = %s", (length, event_id)
            )
    assert occurrences.best(group, [group.id]) == ids[3]
    with world.database.transaction() as cursor:
        cursor.execute("DELETE FROM crash_events WHERE group_id = %s", (group.id,))
    assert occurrences.best(group, [group.id]) is None
    assert occurrences.around(group, [group.id], ids[0]) == Around()
