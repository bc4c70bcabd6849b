"""Replays in SQL: each letter has one fate at every commit, whoever acts at the same time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sql_samples import FILES_AT, SEARCH_AT, World, a_crash, a_letter, a_pack, at_once, open_world

from config.settings import Settings
from events.record import Record
from storage.ledger import SettledCounts
from storage.replay import Replay
from storage.sql.audit import Audit
from storage.sql.clusters import Clusters
from storage.sql.letter_actions import ForeignLetter, LetterActions, LetterNotFound, LetterNotOpen
from storage.sql.letter_filter import LetterFilter
from storage.sql.letter_rows import DeadLetterRow
from storage.sql.replay_items import ReplayItems
from storage.sql.replays import Replays


@dataclass(frozen=True)
class Bench:
    world: World
    replays: Replays
    items: ReplayItems
    actions: LetterActions
    audit: Audit

    def letters(self, status: str | None = "open") -> list[DeadLetterRow]:
        wanted = LetterFilter(self.world.project.name, status=status)
        return self.world.dead_letters.list(wanted, limit=1000).items

    def kill(self, records: Sequence[Record], stage: str = "sql") -> list[DeadLetterRow]:
        self.world.dead_letters.add([a_letter(record, stage) for record in records])
        return self.letters()

    def replay(self, rate: float = 1000, canary: int = 0, **wanted: Any) -> Replay:
        chosen = LetterFilter(self.world.project.name, **wanted)
        return self.replays.create(chosen, rate, canary, "tester")

    def claim(self, replay: Replay, limit: int = 1000) -> int:
        return self.items.claim(replay.id, [self.items.waiting(replay.id, limit)])

    def send(self, replay: Replay) -> list[UUID]:
        batches = self.items.unsent(replay.id)
        for batch in batches:
            self.items.mark_sent(replay.id, batch.id)
        return [letter.event_id for batch in batches for letter in batch.letters]

    def counts(self, record: Record) -> SettledCounts:
        return self.world.counts(record.id)


@pytest.fixture
def bench(settings: Settings) -> Iterator[Bench]:
    with open_world(settings) as world:
        database = world.database
        yield Bench(
            world,
            Replays(database),
            ReplayItems(database),
            LetterActions(database),
            Audit(database),
        )


def store(world: World, records: Sequence[Record]) -> UUID:
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)
    return pack.id


def test_a_claimed_letter_is_in_flight_then_stored(bench: Bench) -> None:
    record = a_crash(bench.world)
    bench.kill([record])
    replay = bench.replay()
    assert bench.counts(record) == SettledCounts(dead=1)
    assert bench.claim(replay) == 1
    assert bench.claim(replay) == 0
    assert bench.counts(record) == SettledCounts()
    receipt = bench.world.events.receipt(record.id)
    assert receipt is None or receipt.dead == {}
    assert bench.send(replay) == [record.id]
    assert bench.send(replay) == []
    bench.world.packs.mark_searched(store(bench.world, [record]), SEARCH_AT)
    assert bench.counts(record) == SettledCounts(stored=1)
    over = bench.replays.settle(replay.id)
    assert over is not None
    assert (over.status, dict(over.counts)) == ("finished", {"stored": 1})


def test_what_a_killed_driver_claimed_is_found_again_under_the_same_message(bench: Bench) -> None:
    bench.kill([a_crash(bench.world) for _ in range(3)])
    replay = bench.replay()
    bench.claim(replay)
    (first,), (again,) = bench.items.unsent(replay.id), bench.items.unsent(replay.id)
    assert (first.id, len(first.letters)) == (again.id, 3)
    assert replay.id in bench.replays.under_way()
    bench.replays.cancel(replay.id, "tester")
    assert replay.id in bench.replays.under_way()
    assert [batch.id for batch in bench.items.unsent(replay.id)] == [first.id]


def test_a_letter_that_dies_again_is_the_same_letter(bench: Bench) -> None:
    record = a_crash(bench.world)
    (letter,) = bench.kill([record])
    bench.actions.edit(letter.id, b"edited", "tester")
    replay = bench.replay()
    bench.claim(replay)
    bench.send(replay)
    assert bench.world.dead_letters.add([a_letter(record, "search", reason="anew")]) == 1
    (again,) = bench.letters()
    assert (again.id, again.stage, again.attempts, again.edits) == (letter.id, "search", 6, 1)
    assert again.cluster != letter.cluster
    assert bench.counts(record) == SettledCounts(dead=1)
    over = bench.replays.settle(replay.id)
    assert over is not None
    assert (over.status, dict(over.counts)) == ("finished", {"dead": 1})


def test_letters_that_are_not_open_any_more_are_skipped_and_edited_ones_wait(bench: Bench) -> None:
    records = [a_crash(bench.world) for _ in range(4)]
    letters = {letter.event_id: letter for letter in bench.kill(records)}
    replay, other = bench.replay(), bench.replay()
    read = bench.items.waiting(replay.id, 10)
    bench.actions.discard(letters[records[0].id].id, "useless", "tester")
    bench.actions.edit(letters[records[1].id].id, b"new", "tester")
    store(bench.world, [records[2]])
    assert bench.items.claim(replay.id, [read]) == 1
    found = bench.replays.find(replay.id)
    assert found is not None
    assert dict(found.counts) == {"waiting": 1, "claimed": 1, "skipped": 2}
    assert bench.claim(replay) == 1
    assert bench.claim(other) == 0
    found = bench.replays.find(other.id)
    assert found is not None
    assert dict(found.counts) == {"skipped": 4}


def test_a_letter_that_cannot_be_sent_is_open_again(bench: Bench) -> None:
    record = a_crash(bench.world)
    (letter,) = bench.kill([record])
    replay = bench.replay()
    bench.claim(replay)
    bench.items.skip(replay.id, {letter.id: "its pack is gone"})
    assert [one.id for one in bench.letters()] == [letter.id]
    assert bench.items.unsent(replay.id) == []
    over = bench.replays.settle(replay.id)
    assert over is not None
    assert (over.status, dict(over.counts)) == ("finished", {"skipped": 1})


def test_letters_of_search_travel_by_pack_and_edited_ones_lose_their_row(bench: Bench) -> None:
    records = [
        a_crash(bench.world, user=user, at_ms=bench.world.now_ms - age)
        for user, age in (("ann", 3000), ("ann", 2000), ("bob", 1000), ("bob", 0))
    ]
    pack_id = store(bench.world, records)
    letters = {letter.event_id: letter for letter in bench.kill(records[2:], "search")}
    bench.world.packs.mark_searched(pack_id, SEARCH_AT, [record.id for record in records[2:]])
    bench.actions.edit(letters[records[3].id].id, b"edited", "tester")
    replay = bench.replay()
    assert bench.claim(replay) == 2
    routes = {
        batch.letters[0].event_id: batch.pack and batch.pack.ref.id
        for batch in bench.items.unsent(replay.id)
    }
    assert routes == {records[2].id: pack_id, records[3].id: None}
    assert bench.world.packs.stored_ids("crash", [r.id for r in records]) == {
        record.id for record in records[:3]
    }
    (group,) = bench.world.groups.list(bench.world.wanted()).items
    assert (group.count, group.users) == (3, 2)
    assert group.last_seen.timestamp() * 1000 == pytest.approx(bench.world.now_ms - 1000)
    bench.send(replay)
    bench.world.packs.mark_searched(pack_id, SEARCH_AT)
    bench.world.packs.mark_searched(store(bench.world, [records[3]]), SEARCH_AT)
    (group,) = bench.world.groups.list(bench.world.wanted()).items
    assert (group.count, group.users) == (4, 2)
    over = bench.replays.settle(replay.id)
    assert over is not None
    assert (over.status, over.count("stored")) == ("finished", 2)


def test_the_last_event_of_a_group_takes_the_group_along(bench: Bench) -> None:
    record = a_crash(bench.world, fingerprint=uuid4().hex, user="ann")
    pack_id = store(bench.world, [record])
    (letter,) = bench.kill([record], "search")
    bench.world.packs.mark_searched(pack_id, SEARCH_AT, [record.id])
    bench.actions.edit(letter.id, b"edited", "tester")
    bench.claim(bench.replay())
    assert bench.world.groups.list(bench.world.wanted()).items == []
    store(bench.world, [record])
    (group,) = bench.world.groups.list(bench.world.wanted()).items
    assert (group.count, group.users) == (1, 1)


def test_a_refusal_from_before_the_replay_does_not_count_the_event_as_stored(bench: Bench) -> None:
    """An old run of stage search met the refusal, and marks the pack only after the claim."""
    record = a_crash(bench.world)
    pack_id = store(bench.world, [record])
    bench.kill([record], "search")
    replay = bench.replay()
    bench.claim(replay)
    bench.send(replay)
    bench.world.packs.mark_searched(pack_id, SEARCH_AT, [record.id])
    assert bench.counts(record) == SettledCounts()
    bench.world.dead_letters.add([a_letter(record, "search")])
    assert bench.counts(record) == SettledCounts(dead=1)


def test_discarding_is_counted_audited_and_done_once(bench: Bench) -> None:
    records = [a_crash(bench.world) for _ in range(3)]
    letters = bench.kill(records)
    bench.actions.discard(letters[0].id, "useless\0", "cli:ann")
    with pytest.raises(LetterNotOpen, match="discarded"):
        bench.actions.discard(letters[0].id, "useless", "cli:ann")
    with pytest.raises(LetterNotOpen):
        bench.actions.edit(letters[0].id, b"x", "cli:ann")
    with pytest.raises(LetterNotFound):
        bench.actions.discard(uuid4(), "useless", "cli:ann")
    chosen = LetterFilter(bench.world.project.name, cluster=letters[1].cluster)
    assert bench.actions.discard_all(chosen, "all of them", "cli:bob") == 2
    assert bench.actions.discard_all(chosen, "all of them", "cli:bob") == 0
    assert sum(count.discarded for count in {bench.counts(r) for r in records}) == 3
    (found,) = [one for one in bench.letters("discarded") if one.id == letters[0].id]
    assert (found.status_by, found.status_reason) == ("cli:ann", "useless␀")
    (entry,) = bench.audit.list(str(letters[0].id)).items
    assert (entry.actor, entry.action) == ("cli:ann", "discard")
    (none, both) = bench.audit.list(letters[1].cluster).items
    assert (both.detail["letters"], none.detail["letters"]) == (2, 0)
    assert {str(letters[1].id), str(letters[2].id)} == set(both.detail["ids"])


def test_filters_and_clusters(bench: Bench) -> None:
    records = [a_crash(bench.world) for _ in range(5)]
    for n, record in enumerate(records):
        stage = "sql" if n < 4 else "search"
        letter = a_letter(record, stage, code=f"E{n % 2}", reason=f"row {n} is bad")
        bench.world.dead_letters.add([letter])
    project = bench.world.project.name
    listed = bench.world.dead_letters.list

    def count(**wanted: Any) -> int:
        return len(listed(LetterFilter(project, **wanted)).items)

    assert (count(code="E0"), count(code="E1"), count(stage="search")) == (3, 2, 1)
    assert (count(start=SEARCH_AT), count(end=SEARCH_AT)) == (5, 0)
    assert (count(status=None), count(status="replayed")) == (5, 0)
    found = Clusters(bench.world.database).list(LetterFilter(project))
    assert sorted((one.stage, one.code, one.count) for one in found) == [
        ("search", "E0", 1),
        ("sql", "E0", 2),
        ("sql", "E1", 2),
    ]
    assert all(count(cluster=one.key) == one.count for one in found)
    newest = next(one for one in found if (one.stage, one.code) == ("sql", "E1"))
    assert newest.reason == "row 3 is bad"


def test_imported_letters_are_kept_once_and_only_if_unknown(bench: Bench) -> None:
    stored, dead, foreign = (a_crash(bench.world) for _ in range(3))
    store(bench.world, [stored])
    bench.kill([dead])
    coming = [
        ForeignLetter(uuid4(), a_letter(record, "sql"), b"edited", 1)
        for record in (stored, dead, foreign, foreign)
    ]
    assert [one.letter.event_id for one in bench.actions.unknown(coming)] == [foreign.id]
    assert bench.actions.bring_in(coming, "tester") == 1
    assert bench.actions.bring_in(coming, "tester") == 0
    (found,) = [one for one in bench.letters() if one.event_id == foreign.id]
    assert (found.id, found.edits) == (coming[2].id, 1)


def test_claims_stores_discards_and_deaths_at_once_give_one_fate_each(bench: Bench) -> None:
    dice = random.Random(11)
    world = bench.world
    for _ in range(10):
        records = [a_crash(world) for _ in range(12)]
        world.dead_letters.add([a_letter(record, "sql") for record in records])
        letters = [one for one in bench.letters() if one.event_id in {r.id for r in records}]
        first, second = bench.replay(), bench.replay()
        some = dice.sample(records, 6)

        def discard(letters: Sequence[DeadLetterRow] = letters) -> None:
            ids = tuple(letter.id for letter in letters[:4])
            bench.actions.discard_all(LetterFilter(ids=ids), "no", "tester")

        at_once(
            partial(bench.claim, first),
            partial(bench.claim, second),
            partial(store, world, some),
            partial(world.dead_letters.add, [a_letter(record, "sql") for record in records[3:9]]),
            discard,
        )
        _assert_one_fate_each(world, [record.id for record in records])


def _assert_one_fate_each(world: World, ids: Sequence[UUID]) -> None:
    """A row and no letter but a replayed one; or no row, and one letter that is not replayed."""
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT wanted.id, (SELECT count(*) FROM crash_events WHERE id = wanted.id),"
            " (SELECT count(*) FROM dead_letters WHERE event_id = wanted.id"
            "  AND status <> 'replayed')"
            " FROM unnest(%s::uuid[]) AS wanted (id)",
            ([str(one) for one in ids],),
        )
        fates = {row[0]: row[1:] for row in cursor}
    assert set(fates.values()) <= {(1, 0), (0, 1)}
