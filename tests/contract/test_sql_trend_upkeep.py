"""Events that are taken out of SQL again, by whichever way, leave every count right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sql_samples import CRASH_ROW, FILES_AT, SEARCH_AT, World, a_crash, a_pack, open_world

from config.settings import Settings
from events.ids import id_day, id_time
from events.record import Record
from storage.sql.clearing import Clearing
from storage.sql.discarded_fingerprints import DiscardedFingerprints
from storage.sql.erasing import Found, erase_events
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.retired_days import RetiredDays
from storage.sql.triage_actions import TriageActions
from storage.sql.triage_upkeep import TriageUpkeep
from storage.sql.unstore import unstore
from tests.counted import assert_counted_as_rows

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        with world.database.transaction() as cursor:
            cursor.execute(
                "TRUNCATE crash_events, packs, groups, group_users, group_hours, group_versions,"
                " releases, tombstones, retired_days CASCADE"
            )
        yield world
        assert_counted_as_rows(world.database)


def seed(world: World, days_ago: int = 0) -> list[Record]:
    """60 events of six groups, two pairs of which are merged, over hours, versions and users."""
    dice = random.Random(7)
    records = [
        a_crash(
            world,
            fingerprint=f"g{n % 6}",
            user=f"user {dice.randrange(9)}",
            row=(*CRASH_ROW[:3], dice.choice(["1.0", "1.1", None]), *CRASH_ROW[4:]),
            at_ms=world.now_ms - days_ago * DAY_MS - dice.randrange(5) * HOUR_MS,
        )
        for n in range(60)
    ]
    for one in {id_day(record.id) for record in records}:
        pack, items = a_pack([record for record in records if id_day(record.id) == one])
        world.packs.store(pack, FILES_AT, items)
        world.packs.mark_searched(pack.id, SEARCH_AT)
    return records


def merge_pairs(world: World, records: list[Record]) -> None:
    actions = TriageActions(world.database)
    ids = [one.group.group_id(world.project.id) for one in records[:4] if one.group]
    for pair in (ids[:2], ids[2:]):
        action = actions.freeze(world.project.id, "merge", {}, pair, "ann")
        actions.start(action.id, "ann")
        assert actions.step(action.id).counts == {"done": 2}


def erase(world: World, records: list[Record]) -> None:
    with world.database.transaction() as cursor:
        hold_alone(cursor, SETTLING)
        erase_events(cursor, uuid4(), "crash", [Found(r.id, r.project_id) for r in records])


def test_erased_events_are_counted_off(world: World) -> None:
    records = seed(world)
    merge_pairs(world, records)
    dice = random.Random(3)
    while records:
        gone = dice.sample(records, min(13, len(records)))
        erase(world, gone)
        records = [record for record in records if record not in gone]
        assert_counted_as_rows(world.database)
    assert world.groups.list(world.wanted()).items == []


def test_a_row_that_is_taken_back_is_counted_off(world: World) -> None:
    records = seed(world)
    merge_pairs(world, records)
    for record in records[:20]:
        with world.database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            assert unstore(cursor, "crash", record.id)
    assert_counted_as_rows(world.database)
    pack, items = a_pack(records[:20])
    assert world.packs.store(pack, FILES_AT, items) == 20


def test_events_past_their_projects_term_are_counted_off_and_told_as_dropped(world: World) -> None:
    records = seed(world)
    merge_pairs(world, records)
    assert Clearing(world.database).drop("crash", [record.id for record in records[:25]]) == 25
    counts = {g.title: (g.count, g.dropped) for g in world.groups.list(world.wanted()).items}
    assert sum(count for count, _ in counts.values()) == 60
    assert sum(dropped for _, dropped in counts.values()) == 25


def test_a_day_that_is_dropped_is_counted_off(world: World, settings: Settings) -> None:
    old = seed(world, days_ago=40)
    merge_pairs(world, old)
    seed(world)
    days = RetiredDays(world.database, settings.postgres_dsn)
    for day in sorted({id_day(record.id) for record in old}):
        days.hide("crash", day, "days")
    for retired in days.under_way("crash"):
        days.drop(retired, days.mark(retired))
        while days.settle_groups(retired):
            pass
        days.end(retired)
    world.packs._partitions.forget()
    groups = world.groups.list(world.wanted()).items
    assert sum(group.count for group in groups) == 120
    assert sum(group.dropped for group in groups) == 60
    upkeep = TriageUpkeep(world.database)
    assert upkeep.forget_releases(id_time(old[0].id)) == 0  # both versions came again since


def test_releases_without_a_kept_event_are_forgotten_once_they_are_past(world: World) -> None:
    records = seed(world, days_ago=3)
    upkeep, later = TriageUpkeep(world.database), id_time(records[0].id) + timedelta(days=1)
    assert upkeep.forget_releases(later) == 0
    erase(world, records)
    assert upkeep.forget_releases(later) == 2


def test_erasing_reaches_what_was_left_out_and_the_words_of_its_fingerprint(world: World) -> None:
    records = seed(world)
    actions, discarded = TriageActions(world.database), DiscardedFingerprints(world.database)
    (first, *_) = records
    assert first.group is not None
    group_id = first.group.group_id(world.project.id)
    action = actions.freeze(world.project.id, "discard", {"reason": "x"}, [group_id], "ann")
    actions.start(action.id, "ann")
    actions.step(action.id)
    left_out = a_crash(world, fingerprint="g0")
    pack, items = a_pack([left_out])
    world.packs.store(pack, FILES_AT, items)
    erase(world, [*(one for one in records if one.group == first.group), left_out])
    (listed,) = discarded.list(world.project.id).items
    assert (listed.title, listed.culprit) == ("(erased)", None)
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT erasure_id IS NOT NULL, pack_id, gone_at, settled FROM tombstones"
            " WHERE event_id = %s",
            (left_out.id,),
        )
        assert cursor.fetchall() == [(True, pack.id, None, True)]
    assert world.counts(left_out.id).filtered == 1
    assert _tombstones(world) == {one.id for one in records if one.group == first.group} | {
        left_out.id
    }


def _tombstones(world: World) -> set[UUID]:
    with world.database.transaction() as cursor:
        cursor.execute("SELECT event_id FROM tombstones WHERE erasure_id IS NOT NULL")
        return {event_id for (event_id,) in cursor}
