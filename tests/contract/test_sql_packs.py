"""Packs in SQL: rows, groups and ledger grow by each event once, whatever is repeated or races."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from sql_samples import CRASH_ROW, FILES_AT, SEARCH_AT, World, a_crash, a_pack, at_once, open_world

from config.settings import Settings
from events.ids import id_day, id_time, new_id, now_ms
from events.record import Record
from storage.errors import Rejected
from storage.ledger import SettledCounts
from storage.sql.groups import Group
from storage.sql.packs import Packs

DAY_MS = 86_400_000


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def group_of(world: World, record: Record) -> Group:
    assert record.group is not None
    group = world.groups.find(record.group.group_id(record.project_id))
    assert group is not None
    return group


def test_a_stored_event_is_found_with_all_its_columns(world: World) -> None:
    occurred_at = datetime(2026, 11, 20, 9, 59, tzinfo=UTC)
    record = a_crash(world, user="ann", occurred_at=occurred_at)
    pack, items = a_pack([record])
    assert world.packs.store(pack, FILES_AT, items) == 1
    event = world.events.find(record.id)
    assert event is not None
    assert (event.id, event.project, event.type) == (record.id, world.project.name, "crash")
    assert (event.protocol, event.occurred_at) == ("raygun.entry", occurred_at)
    assert event.location == items[0][2]
    assert tuple(event.columns.values()) == CRASH_ROW
    assert group_of(world, record).count == 1


def test_hostile_text_comes_back_as_it_was(world: World) -> None:
    row = ('{"a\\"}', "'; DROP TABLE packs; -- \\N", "NULL", ",{}\n\t\r", "\u202e😀 %s", None, None)
    record = a_crash(world, row=row)
    world.packs.store(*_args([record]))
    event = world.events.find(record.id)
    assert event is not None
    assert tuple(event.columns.values()) == row


@pytest.mark.parametrize("year", [1, 9999])
def test_device_clocks_far_off_are_kept(world: World, year: int) -> None:
    record = a_crash(world, occurred_at=datetime(year, 6, 1, tzinfo=UTC))
    world.packs.store(*_args([record]))
    event = world.events.find(record.id)
    assert event is not None
    assert event.occurred_at == record.occurred_at


@pytest.mark.parametrize(
    "change",
    [
        {"row": ("a\0b", *CRASH_ROW[1:])},
        {"row": ("a\ud800b", *CRASH_ROW[1:])},
        {"occurred_at": datetime(9999, 12, 31, 23, tzinfo=UTC).replace(tzinfo=None)},
        {"project_id": 2**40},
    ],
)
def test_data_that_postgresql_refuses_stores_nothing_at_all(
    world: World, change: dict[str, object]
) -> None:
    good = a_crash(world, fingerprint=f"refused {uuid4()}")
    bad = replace(a_crash(world), **change)
    pack, items = a_pack([good, bad])
    with pytest.raises(Rejected):
        world.packs.store(pack, FILES_AT, items)
    assert world.events.find(good.id) is None
    assert good.group is not None
    assert world.groups.find(good.group.group_id(good.project_id)) is None
    assert world.packs.mark_searched(pack.id, SEARCH_AT) is False


def test_storing_a_pack_again_changes_nothing(world: World) -> None:
    records = [a_crash(world, user=f"user {n % 3}") for n in range(7)]
    pack, items = a_pack(records)
    assert world.packs.store(pack, FILES_AT, items) == 7
    assert world.packs.store(pack, FILES_AT, items) == 0
    group = group_of(world, records[0])
    assert (group.count, group.users) == (7, 3)


def test_an_id_twice_in_a_pack_counts_once(world: World) -> None:
    record = a_crash(world)
    assert world.packs.store(*_args([record, record])) == 1
    assert group_of(world, record).count == 1


def test_a_pack_without_events_is_noted(world: World) -> None:
    pack, _ = a_pack([a_crash(world)])
    assert world.packs.store(pack, FILES_AT, []) == 0
    assert world.packs.mark_searched(pack.id, SEARCH_AT) is True


def test_groups_keep_first_and_last_seen_whatever_the_order(world: World) -> None:
    now = now_ms()
    late, early = (a_crash(world, at_ms=now - age) for age in (0, 60_000))
    world.packs.store(*_args([late]))
    world.packs.store(*_args([early]))
    group = group_of(world, late)
    assert (group.first_seen, group.last_seen) == (id_time(early.id), id_time(late.id))
    assert (group.title, group.status, group.project) == ("KeyError", "open", world.project.name)


def test_users_are_counted_once_a_group_over_packs(world: World) -> None:
    for users in (("ann", "bob"), ("bob", "cid"), (None, "ann")):
        world.packs.store(*_args([a_crash(world, user=user) for user in users]))
    group = group_of(world, a_crash(world))
    assert (group.count, group.users) == (6, 3)


def test_the_same_pack_stored_by_four_at_once_counts_once(world: World) -> None:
    records = [a_crash(world, user=f"user {n % 5}") for n in range(300)]
    pack, items = a_pack(records)
    calls = [partial(world.packs.store, pack, FILES_AT, items)] * 4
    assert sorted(at_once(*calls)) == [0, 0, 0, 300]
    group = group_of(world, records[0])
    assert (group.count, group.users) == (300, 5)
    at_once(*[partial(world.packs.mark_searched, pack.id, SEARCH_AT)] * 4)
    assert world.counts(records[0].id).stored == 300


def test_overlapping_packs_at_once_share_their_events_out(world: World) -> None:
    """Every event in two or more packs, in random orders, groups shared by all; no deadlock."""
    now, dice = now_ms(), random.Random(3)
    records = [
        a_crash(world, fingerprint=f"g{n % 9}", user=f"u{n % 4}", at_ms=now) for n in range(400)
    ]
    packs = [a_pack(dice.sample(records, 300)) for _ in range(6)]
    covered = {item[0].id for _, items in packs for item in items}
    calls = [partial(world.packs.store, pack, FILES_AT, items) for pack, items in packs]
    assert sum(at_once(*calls)) == len(covered)
    assert all(at_once(*(partial(world.packs.mark_searched, p.id, SEARCH_AT) for p, _ in packs)))
    assert world.counts(records[0].id) == SettledCounts(stored=len(covered))
    groups = world.groups.list(world.wanted()).items
    assert sum(group.count for group in groups) == len(covered)
    assert {group.users for group in groups} == {4}


def test_marking_counts_a_pack_once(world: World) -> None:
    records = [a_crash(world) for _ in range(5)]
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)
    assert world.counts(records[0].id) == SettledCounts()
    assert world.packs.mark_searched(pack.id, SEARCH_AT) is True
    assert world.packs.mark_searched(pack.id, SEARCH_AT + timedelta(hours=1)) is False
    assert world.counts(records[0].id).stored == 5
    receipt = world.events.receipt(records[0].id)
    assert receipt is not None
    assert (receipt.files_at, receipt.search_at) == (FILES_AT, SEARCH_AT)


def test_a_pack_nobody_stored_is_not_marked(world: World) -> None:
    assert world.packs.mark_searched(uuid4(), SEARCH_AT) is False


def test_a_pack_stored_in_parts_counts_every_part(world: World) -> None:
    records = [a_crash(world) for _ in range(10)]
    pack, items = a_pack(records)
    assert [world.packs.store(pack, FILES_AT, part) for part in (items[:4], items[4:])] == [4, 6]
    world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.counts(records[0].id).stored == 10


def test_a_part_stored_after_the_mark_counts_at_the_next_mark(world: World) -> None:
    records = [a_crash(world) for _ in range(3)]
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items[:2])
    world.packs.mark_searched(pack.id, SEARCH_AT)
    world.packs.store(pack, FILES_AT, items)
    receipt = world.events.receipt(records[2].id)
    assert receipt is not None
    assert receipt.search_at is None
    world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.counts(records[0].id).stored == 3


def test_an_event_of_an_earlier_pack_is_not_counted_again(world: World) -> None:
    shared = a_crash(world)
    (first, first_items), (second, second_items) = a_pack([shared]), a_pack([shared])
    world.packs.store(first, FILES_AT, first_items)
    world.packs.store(second, FILES_AT, second_items)
    assert world.packs.mark_searched(second.id, SEARCH_AT) is True
    assert world.counts(shared.id).stored == 0
    world.packs.mark_searched(first.id, SEARCH_AT)
    assert world.counts(shared.id).stored == 1
    event = world.events.find(shared.id)
    assert event is not None
    assert event.location.pack_key == first.key


def test_stored_ids(world: World) -> None:
    stored, absent = a_crash(world), a_crash(world)
    world.packs.store(*_args([stored]))
    assert world.packs.stored_ids("crash", [stored.id, absent.id]) == {stored.id}
    assert world.packs.stored_ids("rum", [stored.id]) == set()
    assert world.packs.stored_ids("crash", []) == set()


def test_a_type_without_groups(world: World) -> None:
    row = ("page", "session 1", "/cart", 12.5, "1.2.3")
    record = Record(new_id(now_ms()), world.project.id, None, "ann", row, dict)
    pack, items = a_pack([record], "rum")
    assert world.packs.store(pack, FILES_AT, items) == 1
    event = world.events.find(record.id)
    assert event is not None
    assert (event.type, event.group_id, event.columns["duration_ms"]) == ("rum", None, 12.5)


def test_both_sides_of_midnight_have_their_partition(world: World) -> None:
    midnight = 30 * 365 * DAY_MS
    records = [a_crash(world, at_ms=midnight - 1), a_crash(world, at_ms=midnight)]
    world.packs.store(*_args(records))
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM crash_events WHERE id IN (%s, %s) ORDER BY id",
            tuple(record.id for record in records),
        )
        found = [name for (name,) in cursor]
    assert found == [f"crash_events_{id_day(record.id):%Y%m%d}" for record in records]


def test_a_fortnight_of_partitions_is_made_ahead_by_any_number_at_once(world: World) -> None:
    in_2041 = 26_000 * DAY_MS
    packs = [Packs(world.database, clock=lambda: in_2041) for _ in range(4)]
    record = a_crash(world, at_ms=in_2041)
    pack, items = a_pack([record])
    assert sum(at_once(*(partial(p.store, pack, FILES_AT, items) for p in packs))) == 1
    days = [id_time(record.id).date() + timedelta(days=ahead) for ahead in range(15)]
    with world.database.transaction() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits")
        there = {name for (name,) in cursor}
    assert {f"crash_events_{day:%Y%m%d}" for day in days} <= there


def test_a_partition_that_retention_dropped_is_made_again(world: World) -> None:
    at_ms = 20 * 365 * DAY_MS
    world.packs.store(*_args([a_crash(world, at_ms=at_ms)]))
    late = a_crash(world, at_ms=at_ms)
    with world.database.transaction() as cursor:
        cursor.execute(f"DROP TABLE crash_events_{id_day(late.id):%Y%m%d}")
    assert world.packs.store(*_args([late])) == 1


def _args(records: list[Record]) -> tuple:  # type: ignore[type-arg]
    pack, items = a_pack(records)
    return pack, FILES_AT, items
