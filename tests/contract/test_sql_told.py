"""What an event tells beside itself: what its SDK lost, and of which other event it tells more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sql_samples import FILES_AT, SEARCH_AT, World, a_crash, a_pack, at_once, open_world

from config.settings import Settings
from events.ids import id_minute, new_id
from events.record import Record
from storage.errors import Rejected
from storage.ledger import DAY_MINUTES
from storage.sql.accepted import MovedCounts
from storage.sql.mentions import Mentions
from storage.sql.sweeping import Sweeping


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def telling(world: World, **more: Any) -> Record:
    return replace(a_crash(world), **more)


def store(world: World, *records: Record) -> int:
    pack, items = a_pack(records)
    stored = world.packs.store(pack, FILES_AT, items)
    world.packs.mark_searched(pack.id, SEARCH_AT)
    return stored


def lost(world: World, record: Record, type_name: str) -> int:
    minute = id_minute(record.id)
    found = world.settled.minutes(world.project.name, minute, minute)
    counts = found.get((minute, world.project.id, type_name))
    return counts.client_lost if counts else 0


def total(world: World, type_name: str) -> int:
    counts = world.settled.totals().get(type_name)
    return counts.client_lost if counts else 0


class TestLosses:
    def test_they_count_once_however_often_their_event_is_stored(self, world: World) -> None:
        record = telling(world, lost={"crash": 4, "trace": 7})
        other = telling(world, lost={"crash": 1})
        before = total(world, "crash"), total(world, "trace")
        for _ in range(3):
            store(world, record, other)
        store(world, record)
        assert (lost(world, record, "crash"), lost(world, record, "trace")) == (5, 7)
        assert (total(world, "crash"), total(world, "trace")) == (before[0] + 5, before[1] + 7)
        assert world.counts(record.id).stored == 2

    def test_they_are_no_side_of_the_ledger(self, world: World) -> None:
        record = telling(world, lost={"rum": 9})
        store(world, record)
        row = (id_minute(record.id), world.project.id, "rum")
        assert world.settled.minutes(None, row[0], row[0])[row].total() == 0

    def test_what_is_rolled_back_lost_nothing(self, world: World) -> None:
        good = telling(world, lost={"crash": 4})
        bad = a_crash(world, row=("\0", None, None, None, None, None, None))
        with pytest.raises(Rejected):
            store(world, good, bad)
        assert lost(world, good, "crash") == 0

    def test_packs_of_all_types_count_at_once(self, world: World) -> None:
        def many() -> None:
            records = [telling(world, lost={"trace": 1, "crash": 1, "rum": 1}) for _ in range(20)]
            store(world, *records)

        before = {kind: total(world, kind) for kind in ("trace", "crash", "rum")}
        at_once(*[many] * 8)
        for kind, events in before.items():
            assert total(world, kind) - events == 160

    def test_days_keep_their_sum_when_they_are_rolled_up(self, world: World) -> None:
        old_ms = world.now_ms - 50 * DAY_MINUTES * 60_000
        records = [
            replace(a_crash(world, at_ms=old_ms + n * 120_000), lost={"crash": 2}) for n in range(3)
        ]
        store(world, *records)
        before = total(world, "crash")
        assert before >= 6
        assert MovedCounts(world.database).roll_up(world.now_ms // 60_000 - 40 * DAY_MINUTES) == 1
        assert total(world, "crash") == before
        day = id_minute(records[0].id) // DAY_MINUTES * DAY_MINUTES
        counts = world.settled.minutes(world.project.name, day, day + DAY_MINUTES - 1)
        assert sum(one.client_lost for one in counts.values()) == 6


class TestMentions:
    def of(self, world: World, sdk_id: UUID) -> dict[str, list[UUID]]:
        return Mentions(world.database).of(sdk_id, world.project.id)

    def test_they_are_found_from_the_other_side_newest_first(self, world: World) -> None:
        sdk_id = uuid4()
        first, second = telling(world, about=sdk_id), telling(world, about=sdk_id)
        store(world, first)
        store(world, first, second, telling(world, about=uuid4()))
        assert self.of(world, sdk_id) == {"crash": sorted([first.id, second.id], reverse=True)}
        assert self.of(world, uuid4()) == {}
        other, _ = world.projects.create(f"other {uuid4().hex}")
        assert Mentions(world.database).of(sdk_id, other.id) == {}

    def test_old_ones_are_swept(self, world: World) -> None:
        sdk_id = uuid4()
        record = telling(world, about=sdk_id)
        store(world, record)
        sweeping = Sweeping(world.database)
        assert sweeping.mentions("rum", new_id(world.now_ms + 60_000)) == 0
        sweeping.mentions("crash", record.id)
        assert self.of(world, sdk_id) == {"crash": [record.id]}
        assert sweeping.mentions("crash", new_id(world.now_ms + 60_000)) >= 1
        assert self.of(world, sdk_id) == {}
