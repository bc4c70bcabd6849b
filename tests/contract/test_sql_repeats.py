"""Events known by their SDK's id: stored once, whatever is repeated, races, or is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sql_samples import FILES_AT, SEARCH_AT, World, a_crash, a_letter, a_pack, at_once, open_world

from config.settings import Settings
from events.record import Record
from storage.errors import Rejected
from storage.sql.blob_rows import BlobRow, BlobRows
from storage.sql.blob_uploads import BlobUploads
from storage.sql.compacting import Compacting
from storage.sql.database import Database
from storage.sql.reconcile import Reconciling
from storage.sql.repeats import SdkIds
from storage.sql.sweeping import Sweeping
from storage.sql.terms import Terms


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def known(world: World, sdk_id: UUID, **more: Any) -> Record:
    return replace(a_crash(world, **more), sdk_id=sdk_id)


def store(world: World, *records: Record) -> int:
    pack, items = a_pack(records)
    stored = world.packs.store(pack, FILES_AT, items)
    world.packs.mark_searched(pack.id, SEARCH_AT)
    return stored


def fates(world: World, record: Record) -> tuple[int, int]:
    """How many events of the minute are stored and filtered."""
    counts = world.counts(record.id)
    return counts.stored, counts.filtered


def test_an_event_sent_again_is_left_out_and_counted_once(world: World) -> None:
    first, again = (known(world, sdk_id := uuid4()), known(world, sdk_id))
    assert store(world, first) == 1
    for _ in range(3):
        assert store(world, again) == 0
    assert store(world, first) == 0
    assert fates(world, first) == (1, 1)
    found = world.events.find(again.id)
    assert found is not None
    assert found.id == first.id
    receipt = world.events.receipt(again.id)
    assert receipt is not None
    assert receipt.search_at == SEARCH_AT


def test_the_same_id_twice_in_one_pack(world: World) -> None:
    records = [known(world, sdk_id := uuid4()), known(world, sdk_id), a_crash(world)]
    assert store(world, *records) == 2
    assert fates(world, records[0]) == (2, 1)
    (kept,) = SdkIds(world.database).find(sdk_id, [world.project.id])
    assert kept == min(record.id for record in records[:2])


def test_ids_are_a_projects_own(world: World) -> None:
    other, _ = world.projects.create(f"other {uuid4().hex}")
    first = known(world, sdk_id := uuid4())
    second = replace(known(world, sdk_id), project_id=other.id)
    assert store(world, first) + store(world, second) == 2
    ids = SdkIds(world.database)
    assert ids.find(sdk_id, [world.project.id]) == [first.id]
    assert ids.find(sdk_id, [other.id]) == [second.id]
    both = {first.id, second.id}
    assert set(ids.find(sdk_id, [world.project.id, other.id])) == both
    assert set(ids.find(sdk_id, None)) == both
    assert ids.find(sdk_id, []) == []


def test_events_without_an_id_are_never_the_same(world: World) -> None:
    assert store(world, a_crash(world), a_crash(world)) == 2


def test_deliveries_that_race_store_it_once(world: World, settings: Settings) -> None:
    database = Database(settings.postgres_dsn, max_connections=8)
    racing = replace(world, packs=type(world.packs)(database))
    sdk_ids = [uuid4() for _ in range(20)]
    records = [[known(world, sdk_id) for sdk_id in sdk_ids] for _ in range(4)]
    stored = at_once(*(partial(store, racing, *batch) for batch in records))
    assert sum(stored) == 20
    assert fates(world, records[0][0]) == (20, 60)
    database.close()


def test_what_was_rolled_back_claims_nothing(world: World) -> None:
    bad = replace(known(world, sdk_id := uuid4()), row=("\0", *[None] * 6))
    with pytest.raises(Rejected):
        store(world, bad)
    assert SdkIds(world.database).find(sdk_id, None) == []
    good = known(world, sdk_id)
    assert store(world, good) == 1
    assert fates(world, good) == (1, 0)


def test_a_dead_letter_of_a_repeated_event_is_settled_by_leaving_it_out(world: World) -> None:
    first, again = (known(world, sdk_id := uuid4()), known(world, sdk_id))
    world.dead_letters.add([a_letter(again, "files")])
    assert store(world, first) == 1
    assert store(world, again) == 0
    counts = world.counts(again.id)
    assert (counts.stored, counts.filtered, counts.dead) == (1, 1, 0)


def test_an_erased_event_does_not_come_back_by_being_sent_again(world: World) -> None:
    first, again = (known(world, sdk_id := uuid4()), known(world, sdk_id))
    store(world, first)
    with world.database.transaction() as cursor:
        cursor.execute("DELETE FROM crash_events WHERE id = %s", (first.id,))
        cursor.execute(
            "INSERT INTO tombstones (event_id, type, project_id, erasure_id)"
            " VALUES (%s, 'crash', %s, %s)",
            (first.id, world.project.id, uuid4()),
        )
    assert store(world, again) == 0
    assert world.events.find(again.id) is None


def test_a_repeated_event_is_no_gap_and_its_bytes_may_go(world: World) -> None:
    first, again = (known(world, sdk_id := uuid4()), known(world, sdk_id))
    store(world, first)
    pack, items = a_pack([again])
    world.packs.store(pack, FILES_AT, items)
    assert Reconciling(world.database).lettered([first.id, again.id]) == {again.id}
    members = [(again.id, world.project.id)]
    floors = Terms(world.database).floors()
    assert Compacting(world.database).wanted(pack, members, floors) == (set(), set())


def test_files_sent_with_a_repeated_event_are_the_first_ones(world: World) -> None:
    first, again = (known(world, sdk_id := uuid4()), known(world, sdk_id))
    uploads = BlobUploads(world.database)
    for digest in (b"a" * 32, b"b" * 32):
        blob = BlobRow(
            world.project.id, digest, f"blobs/{uuid4()}", 1, "text/plain", "attachment", "x"
        )
        uploads.finish(uploads.begin(blob.key), blob)
    blobs = BlobRows(world.database)
    blobs.link(first.id, "crash", world.project.id, b"a" * 32, "log")
    for digest in (b"a" * 32, b"b" * 32):
        blobs.link(again.id, "crash", world.project.id, digest, "log")
    store(world, first)
    store(world, again)
    kept = blobs.of_event(first.id, world.project.id)
    assert [one.sha256 for one in kept] == [b"a" * 32, b"b" * 32]
    assert blobs.of_event(again.id, world.project.id) == []


def test_old_ids_are_forgotten_and_old_notes_swept(world: World) -> None:
    old = world.now_ms - 40 * 86_400_000
    first = known(world, sdk_id := uuid4(), at_ms=old)
    again = known(world, sdk_id, at_ms=old)
    young = known(world, uuid4())
    for record in (first, again, young):
        store(world, record)
    ids = SdkIds(world.database)
    assert ids.forget(old + 1) >= 1
    assert ids.find(sdk_id, None) == []
    assert young.sdk_id is not None
    assert ids.find(young.sdk_id, None) == [young.id]
    assert store(world, again) == 0, "what was left out once stays out"
    assert Sweeping(world.database).repeats("crash", young.id) >= 1
