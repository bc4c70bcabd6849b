"""What operators ask SQL: custody, one event's way, a rehearsal of a row, path rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sql_samples import (
    CRASH_ROW,
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
from events.ids import id_minute, new_id
from events.path_rules import PathRules, path_rules_of
from storage.errors import Rejected, RulesChanged
from storage.sql.audit import Audit
from storage.sql.clusters import Clusters
from storage.sql.custody import CustodyRows, Standing
from storage.sql.erasures import Erasures
from storage.sql.letter_actions import LetterActions
from storage.sql.letter_filter import LetterFilter
from storage.sql.path_rules import ProjectPathRules
from storage.sql.receipts import Receipts
from storage.sql.replay_items import ReplayItems
from storage.sql.replays import Replays


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


class TestCustody:
    def test_what_has_a_row_or_a_fate_is_settled(self, world: World) -> None:
        rows = CustodyRows(world.database)
        stored, dead, gone, waiting = (a_crash(world) for _ in range(4))
        pack, items = a_pack([stored])
        world.packs.store(pack, FILES_AT, items)
        world.dead_letters.add([a_letter(dead, "files"), a_letter(gone, "files")])
        wanted = LetterFilter(world.project.name)
        [letter] = [x for x in world.dead_letters.list(wanted).items if x.event_id == gone.id]
        LetterActions(world.database).discard(letter.id, "tried", "me")
        ids = [one.id for one in (stored, dead, gone, waiting)]
        other = new_id(world.now_ms)
        standing = rows.standing({"crash": ids, "rum": [other]})
        assert standing.unsettled == {waiting.id, other}
        assert standing.packs == {stored.id: pack.id}
        assert rows.standing({"crash": []}) == Standing(frozenset(), {})

    def test_a_replaying_letter_is_in_flight(self, world: World) -> None:
        record = a_crash(world)
        world.dead_letters.add([a_letter(record, "files")])
        replays, items = Replays(world.database), ReplayItems(world.database)
        replay = replays.create(LetterFilter(world.project.name), 1000, 0, "me")
        items.claim(replay.id, [items.waiting(replay.id, 10)])
        standing = CustodyRows(world.database).standing({"crash": [record.id]})
        assert standing.unsettled == {record.id}

    def test_a_packs_events_are_pending_until_they_are_searched_or_dead(self, world: World) -> None:
        rows, records = CustodyRows(world.database), [a_crash(world) for _ in range(3)]
        pack, items = a_pack(records)
        world.packs.store(pack, FILES_AT, items)
        row = (id_minute(records[0].id), world.project.id, "crash")
        assert rows.pending([pack.id]) == {row: 3}
        assert (pack.id, pack.key, "crash") in rows.waiting_packs(row[0], 1000)
        world.dead_letters.add([a_letter(records[0], "search", items[0][2])])
        assert rows.pending([pack.id]) == {row: 2}
        assert rows.without_fate([one.id for one in records]) == {one.id for one in records[1:]}
        world.packs.mark_searched(pack.id, SEARCH_AT, [records[0].id])
        assert rows.pending([pack.id]) == {}
        assert pack.id not in {found for found, _, _ in rows.waiting_packs(row[0], 1000)}

    def test_no_packs_no_events(self, world: World) -> None:
        assert CustodyRows(world.database).pending([]) == {}


class TestReceipts:
    def test_an_event_that_nobody_knows(self, world: World) -> None:
        way = Receipts(world.database).way(new_id(world.now_ms))
        assert (way.stored, list(way.letters), way.erased, way.project_id) == (None, [], None, None)

    def test_a_stored_event_with_its_place(self, world: World) -> None:
        record = a_crash(world, occurred_at=FILES_AT)
        pack, items = a_pack([record])
        world.packs.store(pack, FILES_AT, items)
        stored = Receipts(world.database).way(record.id).stored
        assert stored is not None
        assert stored.location == items[0][2]
        assert (stored.project, stored.pack_id) == (world.project.name, pack.id)
        assert (stored.files_at, stored.search_at) == (FILES_AT, None)
        assert record.group is not None
        assert stored.group_id == record.group.group_id(world.project.id)
        world.packs.mark_searched(pack.id, SEARCH_AT)
        stored = Receipts(world.database).way(record.id).stored
        assert stored is not None
        assert stored.search_at == SEARCH_AT

    def test_another_pack_with_the_same_event(self, world: World) -> None:
        record = a_crash(world)
        first, items = a_pack([record])
        world.packs.store(first, FILES_AT, items)
        second, again = a_pack([record])
        world.packs.store(second, FILES_AT, again)
        way = Receipts(world.database).way(record.id)
        assert way.stored is not None
        assert way.stored.pack_id == first.id
        assert list(way.copies) == [second.id]

    def test_letters_latest_first(self, world: World) -> None:
        record = a_crash(world)
        world.dead_letters.add([a_letter(record, "files")])
        way = Receipts(world.database).way(record.id)
        assert [letter.stage for letter in way.letters] == ["files"]
        assert way.project_id == world.project.id


class TestRehearsal:
    def test_a_row_that_fits_leaves_nothing_behind(self, world: World) -> None:
        record = a_crash(world)
        pack, [item] = a_pack([record])
        world.packs.rehearse(pack, item)
        assert record.group is not None
        group_id = record.group.group_id(world.project.id)
        assert world.events.find(record.id) is None
        assert world.groups.find(group_id) is None
        assert not world.packs.left_record(pack.id)

    def test_one_that_does_not_fit_says_why(self, world: World) -> None:
        record = a_crash(world, row=("x\x00y", *CRASH_ROW[1:]))
        pack, [item] = a_pack([record])
        with pytest.raises((Rejected, ValueError)):
            world.packs.rehearse(pack, item)


class TestPathRules:
    def test_every_change_is_a_version_and_is_audited(self, world: World) -> None:
        rules = ProjectPathRules(world.database)
        number, name = world.project.id, world.project.name
        assert rules.read(number).version == 0
        first = rules.change(number, name, path_rules_of(["/user/*"]), "me", 0)
        assert (first.version, first.rules.told(), first.changed_by) == (1, ["/user/*"], "me")
        rules.change(number, name, PathRules(), "you", 1)
        assert rules.read(number).rules.told() == []
        entries = Audit(world.database).list(name).items
        assert entries.pop().action == "create_project"
        assert [entry.detail["before"] for entry in entries] == [["/user/*"], []]

    def test_one_of_two_changes_at_once_wins(self, world: World) -> None:
        rules = ProjectPathRules(world.database)
        number, name = world.project.id, world.project.name

        def change(rule: str) -> bool:
            try:
                rules.change(number, name, path_rules_of([rule]), "me", 0)
            except RulesChanged:
                return False
            return True

        assert sorted(at_once(lambda: change("/a/*"), lambda: change("/b/*"))) == [False, True]

    def test_they_go_with_their_project(self, world: World) -> None:
        rules = ProjectPathRules(world.database)
        rules.change(world.project.id, world.project.name, path_rules_of(["/a/*"]), "me", None)
        erasures = Erasures(world.database)
        erasures.of_project(world.project.id, world.project.name, "me")
        erasures.clear_project(world.project.id)
        assert rules.read(world.project.id).version == 0


class TestLetters:
    def test_a_letter_tells_the_release_that_gave_up_last(self, world: World) -> None:
        record, other = a_crash(world), a_crash(world)
        world.dead_letters.add([replace(a_letter(record, "files"), release="1")])
        world.dead_letters.add([replace(a_letter(other, "files"), release="2")])
        wanted = LetterFilter(world.project.name, status="open")
        [cluster] = Clusters(world.database).list(wanted)
        assert (cluster.count, sorted(cluster.releases)) == (2, ["1", "2"])
        assert cluster.queues == ["crash.files"]

    def test_a_replay_tells_its_letters_and_a_letter_its_replays(self, world: World) -> None:
        records = [a_crash(world) for _ in range(3)]
        world.dead_letters.add([a_letter(record, "files") for record in records])
        replays, items = Replays(world.database), ReplayItems(world.database)
        replay = replays.create(LetterFilter(world.project.name), 1000, 0, "me", "fixed in 1.2")
        assert replay.why == "fixed in 1.2"
        first = items.listed(replay.id, None, None, 2)
        assert first.next_cursor
        rest = items.listed(replay.id, None, first.next_cursor, 2)
        listed = [*first.items, *rest.items]
        assert {one.event_id for one in listed} == {record.id for record in records}
        assert items.listed(replay.id, "stored", None, 2).items == []
        [mine] = items.of_letter(listed[0].letter_id)
        assert (mine.replay_id, mine.state, mine.actor) == (replay.id, "waiting", "me")
        with pytest.raises(ValueError, match="cursor"):
            items.listed(replay.id, None, "???", 2)

    def test_open_letters_are_counted(self, world: World) -> None:
        before = world.dead_letters.count_open()
        world.dead_letters.add([a_letter(a_crash(world), "files")])
        assert world.dead_letters.count_open() == before + 1
