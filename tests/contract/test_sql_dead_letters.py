"""Dead letters: an event is dead once, or stored once, and the ledger shows which."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import pytest
from sql_samples import (
    FILES_AT,
    SEARCH_AT,
    World,
    a_crash,
    a_letter,
    a_pack,
    at_once,
    open_world,
)

from config.settings import Settings
from storage.ledger import SettledCounts
from storage.sql.letter_filter import LetterFilter
from storage.sql.locks import SETTLING, hold_shared
from storage.sql.rows import insert_events
from storage.sql.settling import keep_pack


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def discard(world: World, event_id: object) -> None:
    with world.database.transaction() as cursor:
        cursor.execute(
            "UPDATE dead_letters SET status = 'discarded' WHERE event_id = %s", (event_id,)
        )


def test_a_letter_is_read_back(world: World) -> None:
    record = a_crash(world)
    letter = a_letter(record, "files", payload=b"\x00{\xff", traceback="Traceback …")
    assert world.dead_letters.add([letter]) == 1
    (listed,) = world.dead_letters.list(LetterFilter(world.project.name)).items
    found = world.dead_letters.find(listed.id)
    assert found is not None
    assert (found.event_id, found.project, found.stage) == (
        record.id,
        world.project.name,
        "files",
    )
    assert (found.code, found.reason, found.traceback) == (
        letter.code,
        letter.reason,
        letter.traceback,
    )
    assert (found.attempts, found.at, found.status) == (3, SEARCH_AT, "open")
    assert (found.payload, listed.payload) == (b"\x00{\xff", None)
    assert world.dead_letters.find(uuid4()) is None


def test_a_letter_keeps_where_its_payload_lies(world: World) -> None:
    _, items = a_pack([a_crash(world)])
    world.dead_letters.add([a_letter(items[0][0], "sql", location=items[0][2])])
    (listed,) = world.dead_letters.list(LetterFilter(world.project.name)).items
    assert listed.location == items[0][2]


def test_unstorable_and_endless_texts_are_made_storable(world: World) -> None:
    letter = a_letter(a_crash(world), "sql", reason="a\0b\ud800", traceback="x" * 10**6 + "end")
    world.dead_letters.add([letter])
    (listed,) = world.dead_letters.list(LetterFilter(world.project.name)).items
    assert listed.reason == "a␀b\ufffd"
    assert listed.traceback.endswith("end")
    assert len(listed.traceback) < 10**5


def test_an_event_is_dead_at_most_once(world: World) -> None:
    record = a_crash(world)
    letters = [a_letter(record, stage) for stage in ("sql", "search")]
    assert [world.dead_letters.add([letter]) for letter in letters] == [1, 0]
    assert sum(at_once(*[partial(world.dead_letters.add, letters)] * 3)) == 0
    assert world.counts(record.id) == SettledCounts(dead=1)
    assert world.dead_letters.add([]) == 0


def test_lists_are_filtered_and_paged(world: World) -> None:
    for stage in ("files", "sql", "search", "sql", "sql"):
        world.dead_letters.add([a_letter(a_crash(world), stage)])
    seen, cursor = [], None
    while True:
        page = world.dead_letters.list(
            LetterFilter(world.project.name, "crash", "sql"), cursor=cursor, limit=2
        )
        seen.extend(page.items)
        if (cursor := page.next_cursor) is None:
            break
    assert len({letter.id for letter in seen}) == 3
    assert seen == sorted(seen, key=lambda letter: letter.id, reverse=True)
    assert world.dead_letters.list(LetterFilter("no such")).items == []
    assert world.dead_letters.list(LetterFilter(world.project.name, "rum")).items == []
    with pytest.raises(ValueError, match="cursor"):
        world.dead_letters.list(cursor="nonsense")


def test_an_event_stored_after_all_is_dead_no_more(world: World) -> None:
    record = a_crash(world)
    pack, items = a_pack([record])
    world.dead_letters.add([a_letter(record, "sql")])
    world.packs.store(pack, FILES_AT, items)
    assert world.counts(record.id) == SettledCounts()
    world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.counts(record.id) == SettledCounts(stored=1)
    assert world.dead_letters.list(LetterFilter(world.project.name)).items == []


def test_an_event_dead_in_search_is_not_counted_as_stored(world: World) -> None:
    records = [a_crash(world) for _ in range(4)]
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)
    world.dead_letters.add([a_letter(records[1], "search", location=items[1][2])])
    world.packs.mark_searched(pack.id, SEARCH_AT, [records[1].id])
    world.packs.mark_searched(pack.id, SEARCH_AT, [records[1].id])
    assert world.counts(records[0].id) == SettledCounts(stored=3, dead=1)
    discard(world, records[1].id)
    assert world.counts(records[0].id) == SettledCounts(stored=3, discarded=1)
    world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.counts(records[0].id) == SettledCounts(stored=3, discarded=1)


def test_an_event_that_a_later_run_indexed_is_dead_no_more(world: World) -> None:
    records = [a_crash(world) for _ in range(3)]
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)
    world.dead_letters.add([a_letter(records[1], "search", location=items[1][2])])
    world.packs.mark_searched(pack.id, SEARCH_AT, [records[1].id])
    assert world.counts(records[0].id) == SettledCounts(stored=2, dead=1)
    world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.counts(records[0].id) == SettledCounts(stored=3)
    assert world.dead_letters.add([a_letter(records[1], "search", location=items[1][2])]) == 0
    world.packs.mark_searched(pack.id, SEARCH_AT, [records[1].id])
    assert world.counts(records[0].id) == SettledCounts(stored=3)


def test_what_was_discarded_does_not_die_again(world: World) -> None:
    record = a_crash(world)
    world.dead_letters.add([a_letter(record, "sql")])
    discard(world, record.id)
    assert world.dead_letters.add([a_letter(record, "sql")]) == 0
    assert world.counts(record.id) == SettledCounts(discarded=1)
    pack, items = a_pack([record])
    world.packs.store(pack, FILES_AT, items)
    world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.counts(record.id) == SettledCounts(stored=1)


def test_an_event_past_a_stage_does_not_die_in_it(world: World) -> None:
    record = a_crash(world)
    pack, items = a_pack([record])
    world.packs.store(pack, FILES_AT, items)
    assert world.dead_letters.add([a_letter(record, "files"), a_letter(record, "sql")]) == 0
    world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.dead_letters.add([a_letter(record, "search")]) == 0
    assert world.counts(record.id) == SettledCounts(stored=1)


def test_a_type_that_no_table_has_can_be_dead(world: World) -> None:
    assert world.dead_letters.add([a_letter(a_crash(world), "files", type="unheard of")]) == 1


def test_dying_and_being_stored_at_once_give_one_fate_each(world: World) -> None:
    """Two deliveries of one pack, one of which gives up on random events at random stages."""
    dice = random.Random(7)
    for _ in range(15):
        records = [a_crash(world) for _ in range(20)]
        pack, items = a_pack(records)
        stages = ("files", "sql", "search")
        letters = [a_letter(r, dice.choice(stages)) for r in dice.sample(records, 8)]
        refused = [letter.event_id for letter in letters if letter.stage == "search"][::2]

        def succeed(pack=pack, items=items, refused=refused) -> None:  # type: ignore[no-untyped-def]
            world.packs.store(pack, FILES_AT, items)
            world.packs.mark_searched(pack.id, SEARCH_AT, refused)

        halves = [partial(world.dead_letters.add, part) for part in (letters[:4], letters[4:])]
        at_once(succeed, *halves, succeed)
        _assert_one_fate_each(world, pack.id, len(records))


def test_giving_up_waits_for_a_delivery_that_is_just_being_stored(world: World) -> None:
    record = a_crash(world)
    pack, items = a_pack([record])
    other, other_items = a_pack([a_crash(world)])
    world.packs.store(other, FILES_AT, other_items)  # makes the partition
    with ThreadPoolExecutor(1) as threads:
        with world.database.transaction() as storing:
            hold_shared(storing, SETTLING)
            insert_events(storing, pack, items)
            keep_pack(storing, pack, FILES_AT, [record])
            giving_up = threads.submit(world.dead_letters.add, [a_letter(record, "sql")])
            _wait_for_a_waiter(world)
        assert giving_up.result() == 0


def _wait_for_a_waiter(world: World) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with world.database.transaction() as cursor:
            cursor.execute(
                "SELECT FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event = 'advisory'"
            )
            if cursor.rowcount:
                return
    raise AssertionError("nobody waits for the lock")


def _assert_one_fate_each(world: World, pack_id: object, events: int) -> None:
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT count(*) FROM dead_letters JOIN crash_events ON crash_events.id = event_id"
            " WHERE dead_letters.status = 'open' AND pack_id = %s",
            (pack_id,),
        )
        ((dead,),) = cursor.fetchall()
        cursor.execute(
            "SELECT coalesce((SELECT sum((e->>2)::int) FROM jsonb_array_elements(counts) e), 0),"
            " coalesce((SELECT sum((e->>2)::int) FROM jsonb_array_elements(pending) e), 0)"
            " FROM packs WHERE id = %s",
            (pack_id,),
        )
        ((inserted, pending),) = cursor.fetchall()
    assert (inserted, pending) == (events, dead)


def test_receipts_name_the_letter(world: World) -> None:
    before_files, in_sql, in_search = (a_crash(world) for _ in range(3))
    pack, items = a_pack([in_search, in_sql])
    world.dead_letters.add(
        [a_letter(before_files, "files"), a_letter(in_sql, "sql", location=items[1][2])]
    )
    world.packs.store(pack, FILES_AT, items[:1])
    world.dead_letters.add([a_letter(in_search, "search", location=items[0][2])])
    world.packs.mark_searched(pack.id, SEARCH_AT, [in_search.id])
    reached = {}
    for record in (before_files, in_sql, in_search):
        receipt = world.events.receipt(record.id)
        assert receipt is not None
        times = (receipt.files_at, receipt.sql_at, receipt.search_at)
        reached[next(iter(receipt.dead))] = [time is not None for time in times]
    assert reached == {
        "files": [False, False, False],
        "sql": [True, False, False],
        "search": [True, True, False],
    }
