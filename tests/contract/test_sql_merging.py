"""Groups merged and split: counts and users of the whole are exact, and members keep their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest
from sql_samples import FILES_AT, World, a_crash, a_pack, at_once, open_world

from config.settings import Settings
from events.ids import id_time, new_id, now_ms
from events.record import Record
from events.triage import Triage, resolved
from storage.errors import Rejected
from storage.sql.group_history import GroupHistory
from storage.sql.group_triage import write_triage
from storage.sql.groups import Group
from storage.sql.triage_actions import TriageActions
from storage.triage import TriageAction


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def store(world: World, *records: Record) -> None:
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)


def seed(world: World, **users: str) -> dict[str, Group]:
    """A group of each name, with an event of each letter's user; the groups by name."""
    at = world.now_ms - 60_000
    for place, (name, letters) in enumerate(users.items()):
        store(world, *[crash(world, name, letter, at + place) for letter in letters])
    return {name: found(world, name) for name in users}


def crash(world: World, name: str, user: str, at_ms: int | None = None) -> Record:
    return a_crash(world, fingerprint=name, user=user, at_ms=at_ms)


def found(world: World, name: str) -> Group:
    """The group that an event of a name is in."""
    record = crash(world, name, "nobody")
    assert record.group is not None
    group = world.groups.find(record.group.group_id(world.project.id))
    assert group is not None
    return group


def act(world: World, verb: str, ids: Sequence[UUID], **options: object) -> TriageAction:
    actions = TriageActions(world.database)
    action = actions.freeze(world.project.id, verb, options, ids, "ann")
    actions.start(action.id, "ann")
    return finish(world, action)


def undo(world: World, action: TriageAction) -> TriageAction:
    TriageActions(world.database).undo(action.id, "bob")
    return finish(world, action)


def finish(world: World, action: TriageAction) -> TriageAction:
    actions = TriageActions(world.database)
    while action.id in actions.under_way():
        actions.step(action.id)
    found = actions.find(action.id)
    assert found is not None
    return found


def listed(world: World) -> list[tuple[str, int, int]]:
    groups = world.groups.list(world.wanted(), sort="first_seen", limit=100).items
    return [(group.title, group.count, group.users) for group in groups[::-1]]


def assert_exact(world: World) -> None:
    """Every merge is the sum of its members' rows, its users their union."""
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT merge.id, merge.count, merge.users, merge.first_seen, merge.last_seen,"
            " count(event.id), count(DISTINCT event.user_key),"
            " (array_agg(event.id ORDER BY event.id))[1],"
            " (array_agg(event.id ORDER BY event.id DESC))[1]"
            " FROM groups AS merge JOIN groups AS member ON member.merged_into = merge.id"
            " JOIN crash_events AS event ON event.group_id = member.id"
            " WHERE merge.project_id = %s GROUP BY merge.id",
            (world.project.id,),
        )
        for _, count, users, first, last, events, met, first_id, last_id in cursor.fetchall():
            assert (count, users) == (events, met)
            assert (first, last) == (id_time(first_id), id_time(last_id))


def test_a_merge_counts_events_and_users_of_all_its_members(world: World) -> None:
    groups = seed(world, one="aab", two="bc", three="d")
    action = act(world, "merge", [groups["one"].id, groups["two"].id])
    assert (action.state, action.counts) == ("finished", {"done": 2})
    assert listed(world) == [("one", 5, 3), ("three", 1, 1)]
    merge = found(world, "two")
    assert merge == found(world, "one") == world.groups.find(merge.id)
    assert (merge.number, merge.members) == (groups["one"].number, 2)
    by_number = world.groups.find_number(world.project.id, groups["two"].number or 0)
    assert by_number == merge
    assert [(one.title, one.count, one.users) for one in world.groups.members(merge.id)] == [
        ("one", 3, 2),
        ("two", 2, 2),
    ]
    assert_exact(world)


def test_what_comes_of_a_member_comes_to_the_merge(world: World) -> None:
    groups = seed(world, one="aab", two="bc")
    act(world, "merge", [group.id for group in groups.values()])
    store(world, crash(world, "two", "a"), crash(world, "two", "x"), crash(world, "one", "x"))
    assert listed(world) == [("one", 8, 4)]
    assert len(world.events.of_group(found(world, "one").id, None, 50).items) == 8
    assert_exact(world)


def test_occurrences_of_a_merge_come_newest_first_in_pages(world: World) -> None:
    groups = seed(world, one="ab", two="cd")
    late = [crash(world, name, "e", world.now_ms + n) for n, name in enumerate(("two", "one") * 3)]
    store(world, *late)
    act(world, "merge", [group.id for group in groups.values()])
    merge = found(world, "one").id
    seen: list[UUID] = []
    cursor = None
    while True:
        page = world.events.of_group(merge, cursor, 3)
        seen += [event.id for event in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 10


def test_splitting_gives_each_its_own_back_with_what_came_meanwhile(world: World) -> None:
    groups = seed(world, one="aab", two="bc", three="d")
    act(world, "merge", [group.id for group in groups.values()])
    store(world, crash(world, "two", "x"), crash(world, "three", "b"))
    merge = found(world, "one")
    act(world, "split", [groups["two"].id], merge=merge.id.hex)
    assert listed(world) == [("one", 5, 3), ("two", 3, 3)]
    assert_exact(world)
    act(world, "split", [groups["three"].id], merge=merge.id.hex)
    assert listed(world) == [("one", 3, 2), ("two", 3, 3), ("three", 2, 2)]
    assert found(world, "one").id == groups["one"].id
    assert [found(world, name).number for name in groups] == [1, 2, 3]


def test_the_lead_may_leave_and_another_leads(world: World) -> None:
    groups = seed(world, one="aab", two="bc", three="d")
    act(world, "merge", [group.id for group in groups.values()])
    act(world, "split", [groups["one"].id], merge=found(world, "one").id.hex)
    assert listed(world) == [("one", 3, 2), ("two", 3, 3)]
    assert found(world, "three").number == groups["two"].number


def test_a_merge_stands_where_its_target_stood_and_hands_it_down(world: World) -> None:
    groups = seed(world, one="a", two="b")
    with world.database.transaction() as cursor:
        triage = replace(resolved(Triage(), id_time(new_id(now_ms()))), assignee="ann")
        write_triage(cursor, groups["two"].id, triage)
    ids = [group.id for group in groups.values()]
    action = act(world, "merge", ids, into=groups["two"].id.hex)
    merge = found(world, "one")
    assert (merge.triage, merge.title, merge.number) == (triage, "two", 2)
    store(world, a_crash(world, fingerprint="one", at_ms=now_ms() + 1000))
    assert found(world, "two").status == "regressed"
    undo(world, action)
    assert (found(world, "two").status, found(world, "one").status) == ("regressed", "open")
    assert found(world, "two").triage.assignee == "ann"


def test_a_merge_of_merges_is_undone_to_merges(world: World) -> None:
    groups = seed(world, one="a", two="ab", three="c", four="d")
    act(world, "merge", [groups["one"].id, groups["two"].id])
    act(world, "merge", [groups["three"].id, groups["four"].id])
    before = listed(world)
    pair, other = found(world, "one"), found(world, "three")
    action = act(world, "merge", [pair.id, other.id])
    assert listed(world) == [("one", 5, 4)]
    assert found(world, "four").id == pair.id
    assert_exact(world)
    store(world, crash(world, "four", "e"))
    assert undo(world, action).counts == {"undone": 2}
    assert before == [("one", 3, 2), ("three", 2, 2)]
    assert listed(world) == [("one", 3, 2), ("three", 3, 3)]
    assert found(world, "four").id == other.id
    assert_exact(world)


def test_undoing_a_split_merges_again(world: World) -> None:
    groups = seed(world, one="aab", two="bc")
    act(world, "merge", [group.id for group in groups.values()])
    merge = found(world, "one")
    action = act(world, "split", [groups["two"].id], merge=merge.id.hex)
    assert len(listed(world)) == 2
    undo(world, action)
    assert listed(world) == [("one", 5, 3)]
    assert found(world, "two").id == merge.id
    assert_exact(world)


def test_the_history_goes_with_the_group(world: World) -> None:
    groups = seed(world, one="a", two="b")
    entries = GroupHistory(world.database)
    for name, group in groups.items():
        entries.comment(group.id, f"said of {name}", "ann")
    action = act(world, "merge", [group.id for group in groups.values()])
    merge = found(world, "one")
    entries.comment(merge.id, "said of both", "bob")
    said = [entry.action for entry in entries.list(merge.id).items]
    assert said == ["commented", "merged", "merged_into", "commented", "commented"]
    undo(world, action)
    texts = [entry.detail.get("text") for entry in entries.list(groups["one"].id).items]
    assert texts == [None, "said of both", None, "said of one"]
    assert [e.actor for e in entries.list(groups["two"].id).items] == ["ann", "ann"]


def test_what_cannot_be_merged_or_split_says_why_and_changes_nothing(world: World) -> None:
    groups = seed(world, one="a", two="b", three="c")
    actions = TriageActions(world.database)
    with pytest.raises(Rejected, match="no group"):
        actions.freeze(world.project.id, "merge", {}, [groups["one"].id, new_id(0)], "ann")
    alone = act(world, "merge", [groups["one"].id])
    assert alone.counts == {"skipped": 1}
    frozen = actions.freeze(
        world.project.id, "merge", {}, [groups["two"].id, groups["three"].id], "ann"
    )
    act(world, "merge", [groups["one"].id, groups["two"].id])
    actions.start(frozen.id, "ann")
    assert finish(world, frozen).counts == {"skipped": 2}
    merge = found(world, "one")
    both = [groups["one"].id, groups["two"].id]
    assert act(world, "split", both, merge=merge.id.hex).counts == {"skipped": 2}
    assert listed(world) == [("one", 2, 2), ("three", 1, 1)]


def test_merging_while_events_come_loses_none(world: World) -> None:
    groups = seed(world, one="a", two="b", three="c")
    ids = [group.id for group in groups.values()]
    names = list(groups)

    def keep_coming(worker: int) -> None:
        for n in range(15):
            letters = [f"{worker} {n % 5}", "shared"]
            store(world, *[crash(world, name, user) for name in names for user in letters])

    def keep_merging() -> None:
        for _ in range(4):
            action = act(world, "merge", ids)
            undo(world, action)
        act(world, "merge", ids)

    at_once(*[partial(keep_coming, worker) for worker in range(3)], keep_merging)
    ((_, count, users),) = listed(world)
    assert (count, users) == (3 + 3 * 15 * 6, 3 + 3 * 5 + 1)
    assert_exact(world)
