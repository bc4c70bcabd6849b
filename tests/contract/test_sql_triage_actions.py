"""Actions on groups: frozen, applied in parts once, and taken back where nothing else happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sql_samples import FILES_AT, SEARCH_AT, World, a_crash, a_letter, a_pack, at_once, open_world

from config.settings import Settings
from events.ids import id_time, new_id, now_ms
from events.record import Record
from storage.errors import Rejected
from storage.sql.audit import Audit
from storage.sql.discarded_fingerprints import DiscardedFingerprints
from storage.sql.group_history import GroupHistory
from storage.sql.groups import Group
from storage.sql.triage_actions import PART, ActionNotOpen, TriageActions
from storage.sql.triage_upkeep import TriageUpkeep
from storage.triage import UNDO_FOR, TriageAction


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def store(world: World, *records: Record) -> int:
    pack, items = a_pack(records)
    return world.packs.store(pack, FILES_AT, items)


def seed(world: World, count: int = 1, **changes: Any) -> list[UUID]:
    records = [a_crash(world, fingerprint=f"g{n:04}", **changes) for n in range(count)]
    store(world, *records)
    return [record.group.group_id(world.project.id) for record in records if record.group]


def freeze(
    world: World, verb: str, ids: Sequence[UUID], query: str | None = None, **options: Any
) -> TriageAction:
    return TriageActions(world.database).freeze(
        world.project.id, verb, options, ids, "ann", query=query
    )


def act(world: World, verb: str, ids: Sequence[UUID], **options: Any) -> TriageAction:
    action = freeze(world, verb, ids, **options)
    TriageActions(world.database).start(action.id, "ann")
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


def group(world: World, group_id: UUID) -> Group:
    found = world.groups.find(group_id)
    assert found is not None
    return found


def test_nothing_happens_before_an_action_is_confirmed(world: World) -> None:
    ids = seed(world, 3)
    action = freeze(world, "resolve", ids, "is:open")
    assert (action.state, action.total) == ("frozen", 3)
    assert action.sentence() == "Resolve 3 groups matching is:open"
    assert TriageActions(world.database).step(action.id).state == "frozen"
    assert {group(world, one).status for one in ids} == {"open"}
    assert TriageActions(world.database).list(world.project.id).items == []


def test_an_action_is_applied_in_parts_to_the_groups_that_were_frozen(world: World) -> None:
    ids = seed(world, 2 * PART + 5)
    actions = TriageActions(world.database)
    action = freeze(world, "resolve", ids, "is:open")
    later = seed(world, 1, row=("New", "new", "x", "1", "m", None, None))
    assert later[0] in ids  # the same fingerprint: the store is the same group
    fresh = a_crash(world, fingerprint="came later")
    store(world, fresh)
    actions.start(action.id, "ann")
    assert actions.step(action.id).counts == {"done": PART, "waiting": PART + 5}
    done = finish(world, action)
    assert (done.state, done.counts) == ("finished", {"done": 2 * PART + 5})
    counts = world.groups.statuses(world.wanted())
    assert (counts["resolved"], counts["open"]) == (2 * PART + 5, 1)


def test_two_who_drive_an_action_do_each_group_once(world: World) -> None:
    ids = seed(world, 3 * PART)
    action = freeze(world, "ignore", ids)
    actions = TriageActions(world.database)
    actions.start(action.id, "ann")
    at_once(*[partial(actions.step, action.id)] * 4)
    assert actions.find(action.id).counts == {"done": 3 * PART}  # type: ignore[union-attr]
    entries = GroupHistory(world.database).list(ids[0]).items
    assert [entry.action for entry in entries] == ["ignored"]


@pytest.mark.parametrize(
    ("verb", "options", "status", "done", "told"),
    [
        ("resolve", {}, "resolved", "resolved", {}),
        (
            "resolve",
            {"version": "9.9"},
            "resolved",
            "resolved",
            {"version": "9.9", "after": False},
        ),
        ("ignore", {}, "ignored", "ignored", {}),
        ("ignore", {"count": 5}, "ignored", "ignored", {"count": 5}),
        ("assign", {"assignee": "cid"}, "open", "assigned", {"assignee": "cid"}),
        ("reopen", {}, "open", "reopened", {}),
    ],
)
def test_each_decision_is_in_the_history_and_can_be_undone(
    world: World, verb: str, options: dict[str, Any], status: str, done: str, told: dict[str, Any]
) -> None:
    (one,) = seed(world)
    before = group(world, one)
    action = act(world, verb, [one], **options)
    after = group(world, one)
    assert (after.status, after.triage.touched) == (status, True)
    undone = undo(world, action)
    assert (undone.state, undone.undone_by) == ("undone", "bob")
    assert group(world, one) == before
    entries = GroupHistory(world.database).list(one).items
    assert [(e.action, e.actor, e.detail) for e in entries[::-1]] == [
        (done, "ann", told),
        ("undone", "bob", {"verb": verb}),
    ]


def test_resolved_in_a_version_it_occurred_in_means_from_the_next_one_on(world: World) -> None:
    row = ("KeyError", "m", "c", "1.2.3", "till", None, None)
    old, new = seed(world, row=row)[0], a_crash(world, fingerprint="other", row=row)
    act(world, "resolve", [old], version="1.2.3")
    assert group(world, old).triage.resolution.after is True
    act(world, "resolve", [old], version="1.2.4")
    assert group(world, old).triage.resolution.after is False
    store(world, new)


def test_ignored_until_so_many_more(world: World) -> None:
    (one,) = seed(world, user="ann")
    act(world, "ignore", [one], count=2, users=9)
    until = group(world, one).triage.until
    assert (until.count, until.users) == (3, 10)


def test_undo_leaves_alone_what_was_decided_on_since(world: World) -> None:
    first, second, third = seed(world, 3)
    action = act(world, "resolve", [first, second, third])
    act(world, "ignore", [first])
    back = a_crash(world, fingerprint="g0001", at_ms=now_ms() + 60_000)
    store(world, back)
    undone = undo(world, action)
    assert undone.counts == {"kept": 2, "undone": 1}
    statuses = [group(world, one).status for one in (first, second, third)]
    assert statuses == ["ignored", "regressed", "open"]


def test_undo_is_for_ten_minutes_and_once(world: World) -> None:
    (one,) = seed(world)
    actions = TriageActions(world.database)
    action = act(world, "resolve", [one])
    assert action.undo_until == action.finished_at + UNDO_FOR  # type: ignore[operator]
    with world.database.transaction() as cursor:
        cursor.execute(
            "UPDATE triage_actions SET finished_at = now() - interval '11 min' WHERE id = %s",
            (action.id,),
        )
    with pytest.raises(ActionNotOpen, match="10 minutes"):
        actions.undo(action.id, "ann")
    action = act(world, "ignore", [one])
    undo(world, action)
    with pytest.raises(ActionNotOpen, match="undone"):
        actions.undo(action.id, "ann")
    with pytest.raises(ActionNotOpen):
        actions.start(action.id, "ann")
    with pytest.raises(ActionNotOpen, match="no such"):
        actions.start(new_id(0), "ann")


def test_a_group_that_is_gone_is_skipped_with_why(world: World) -> None:
    first, second = seed(world, 2)
    action = freeze(world, "resolve", [first, second])
    with world.database.transaction() as cursor:
        cursor.execute("DELETE FROM groups WHERE id = %s", (first,))
    TriageActions(world.database).start(action.id, "ann")
    assert finish(world, action).counts == {"skipped": 1, "done": 1}


def test_an_action_is_of_groups_of_its_project(world: World) -> None:
    (one,) = seed(world)
    other, _ = world.projects.create(f"project {new_id(now_ms())}")
    actions = TriageActions(world.database)
    with pytest.raises(Rejected, match="has no group"):
        actions.freeze(other.id, "resolve", {}, [one], "ann")
    with pytest.raises(Rejected, match="1 to 50,000"):
        actions.freeze(world.project.id, "resolve", {}, [], "ann")


def test_actions_are_audited_with_their_scope(world: World) -> None:
    ids = seed(world, 2)
    action = freeze(world, "resolve", ids, "is:new")
    TriageActions(world.database).start(action.id, "ann")
    undo(world, finish(world, action))
    entries = Audit(world.database).list(world.project.name).items
    assert [entry.action for entry in entries] == [
        "groups.undo_resolve",
        "groups.resolve",
        "create_project",
    ]
    assert entries[1].detail == {"action": str(action.id), "groups": 2, "query": "is:new"}


def test_what_nobody_confirms_is_forgotten(world: World) -> None:
    (one,) = seed(world)
    actions = TriageActions(world.database)
    frozen, done = freeze(world, "resolve", [one]), act(world, "assign", [one], assignee="x")
    with world.database.transaction() as cursor:
        cursor.execute("UPDATE triage_actions SET at = now() - interval '2 h'")
    actions.forget_old()
    assert actions.find(frozen.id) is None
    assert actions.find(done.id) is not None


def test_discarded_fingerprints_get_no_row_and_count_as_filtered_once(world: World) -> None:
    kept, noise = a_crash(world, fingerprint="kept"), a_crash(world, fingerprint="noise")
    store(world, noise)
    assert noise.group is not None
    noise_id = noise.group.group_id(world.project.id)
    act(world, "discard", [noise_id], reason="only a probe")
    assert (group(world, noise_id).discarded, group(world, noise_id).status) == (True, "ignored")
    more = [a_crash(world, fingerprint="noise") for _ in range(3)]
    pack, items = a_pack([noise, kept, *more])
    for _ in range(2):
        world.packs.store(pack, FILES_AT, items)
        world.packs.mark_searched(pack.id, SEARCH_AT)
    assert world.packs.stored_ids("crash", [one.id for one in more]) == set()
    assert group(world, noise_id).count == 1
    counts = world.counts(noise.id)
    assert (counts.filtered, counts.stored) == (3, 1)  # the first one's pack is not searched yet
    receipt = world.events.receipt(more[0].id)
    assert receipt is not None
    assert (receipt.files_at, receipt.sql_at) == (FILES_AT, None)
    assert receipt.filtered_at is not None
    (listed,) = DiscardedFingerprints(world.database).list(world.project.id).items
    assert (listed.group_id, listed.filtered, listed.reason) == (noise_id, 3, "only a probe")


def test_what_was_left_out_stays_out_when_its_fingerprint_is_wanted_again(world: World) -> None:
    noise = a_crash(world, fingerprint="noise")
    store(world, noise)
    assert noise.group is not None
    noise_id = noise.group.group_id(world.project.id)
    act(world, "discard", [noise_id], reason="x")
    left_out = a_crash(world, fingerprint="noise")
    pack, items = a_pack([left_out])
    world.packs.store(pack, FILES_AT, items)
    undiscard = act(world, "undiscard", [noise_id])
    assert world.packs.store(pack, FILES_AT, items) == 0
    assert world.packs.store(*_again(left_out)) == 0
    assert store(world, a_crash(world, fingerprint="noise")) == 1
    assert world.counts(left_out.id).filtered == 1
    assert group(world, noise_id).status == "open"
    undo(world, undiscard)
    assert store(world, a_crash(world, fingerprint="noise")) == 0


def _again(record: Record) -> tuple[Any, ...]:
    pack, items = a_pack([record])
    return pack, FILES_AT, items


def test_a_dead_letter_of_a_discarded_fingerprint_is_settled_by_leaving_it_out(
    world: World,
) -> None:
    noise, dead = (a_crash(world, fingerprint="noise") for _ in range(2))
    store(world, noise)
    world.dead_letters.add([a_letter(dead, "sql")])
    assert world.counts(dead.id).dead == 1
    assert noise.group is not None
    act(world, "discard", [noise.group.group_id(world.project.id)], reason="x")
    store(world, dead)
    counts = world.counts(dead.id)
    assert (counts.dead, counts.filtered) == (0, 1)
    assert world.dead_letters.add([a_letter(dead, "sql")]) == 0


def test_a_merge_is_discarded_with_all_its_fingerprints(world: World) -> None:
    ids = seed(world, 2)
    act(world, "merge", ids)
    merge = group(world, ids[0])
    action = act(world, "discard", [merge.id], reason="x")
    assert (
        store(world, a_crash(world, fingerprint="g0000"), a_crash(world, fingerprint="g0001")) == 0
    )
    undo(world, action)
    assert (
        store(world, a_crash(world, fingerprint="g0000"), a_crash(world, fingerprint="g0001")) == 2
    )
    assert group(world, ids[0]).discarded is False


def test_discarding_while_events_come_counts_each_once(world: World) -> None:
    (noise,) = seed(world)
    records = [a_crash(world, fingerprint="g0000") for _ in range(200)]
    packs = [a_pack(records[start : start + 50] * 2) for start in (0, 50, 100, 150)]

    def discard_and_back() -> None:
        for _ in range(3):
            undo(world, act(world, "discard", [noise], reason="x"))

    at_once(
        *[partial(world.packs.store, pack, FILES_AT, items) for pack, items in packs * 2],
        discard_and_back,
    )
    for pack, _ in packs:
        world.packs.mark_searched(pack.id, SEARCH_AT)
    counts = [world.counts(one.id) for one in {record.id: record for record in records}.values()]
    minute_totals = {id_time(one.id).replace(second=0, microsecond=0) for one in records}
    assert len(minute_totals) == 1
    assert counts[0].stored + counts[0].filtered == 200


def test_comments_are_taken_back_by_who_made_them_alone(world: World) -> None:
    (one,) = seed(world)
    entries = GroupHistory(world.database)
    entries.comment(one, "a word\0", "ann")
    (entry,) = entries.list(one).items
    assert (entry.action, entry.detail) == ("commented", {"text": "a word␀"})
    assert entries.take_back(one, entry.id, "bob") is False
    assert entries.take_back(one, entry.id, "ann") is True
    (entry,) = entries.list(one).items
    assert entry.detail == {"taken_back": True}


def test_ignoring_until_a_time_ends_by_itself(world: World) -> None:
    first, second = seed(world, 2)
    soon = datetime.now(UTC) - timedelta(seconds=1)
    act(world, "ignore", [first], until=soon.isoformat())
    act(world, "ignore", [second], until=(soon + timedelta(hours=1)).isoformat())
    upkeep = TriageUpkeep(world.database)
    assert upkeep.end_ignoring(datetime.now(UTC)) == 1
    assert [group(world, one).status for one in (first, second)] == ["open", "ignored"]
    assert upkeep.end_ignoring(datetime.now(UTC)) == 0
    (entry, _) = GroupHistory(world.database).list(first).items
    assert (entry.action, entry.actor, entry.detail) == ("ignore_ended", None, {"by": "time"})


def test_the_groups_of_an_action_are_told_with_those_left_out_first(world: World) -> None:
    ids = seed(world, 3)
    action = freeze(world, "resolve", ids)
    act(world, "merge", ids[:2])
    TriageActions(world.database).start(action.id, "ann")
    finish(world, action)
    items = TriageActions(world.database).items(action.id, 10)
    assert [(one.state, one.why) for one in items] == [
        ("skipped", "it was merged into another"),
        ("skipped", "it was merged into another"),
        ("done", None),
    ]
    assert {one.number for one in items} == {1, 2, 3}
    assert len(TriageActions(world.database).items(action.id, 2)) == 2
