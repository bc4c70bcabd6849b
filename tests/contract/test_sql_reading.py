"""Groups, occurrences and the settled side of the ledger, read in pages and filters."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sql_samples import FILES_AT, SEARCH_AT, World, a_crash, a_pack, open_world

from config.settings import Settings
from events.ids import id_minute, new_id, now_ms
from storage.ledger import SettledCounts
from storage.model import Page
from storage.sql.cursors import encode_cursor

DAY_MS = 86_400_000
NO_GROUP = "4ed0a88fc6104c0e92dec7623d6065d0"


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def every(fetch: Callable[[str | None], Page[Any]]) -> list[Any]:
    """All items, page by page."""
    items: list[Any] = []
    cursor = None
    while True:
        page = fetch(cursor)
        items.extend(page.items)
        if (cursor := page.next_cursor) is None:
            return items


def seed(world: World, *fingerprints: str, **changes: Any) -> None:
    records = [a_crash(world, fingerprint=name, **changes) for name in fingerprints]
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)


@pytest.mark.parametrize("sort", ["last_seen", "first_seen", "count", "users"])
def test_every_sort_pages_through_every_group_once(world: World, sort: str) -> None:
    for size in range(1, 8):  # equal values too: three groups of each size
        seed(world, *[f"{size} {letter}" for letter in "abc"] * size, user=f"user {size}")
    groups = every(
        lambda cursor: world.groups.list(world.wanted(), sort=sort, cursor=cursor, limit=4)
    )
    assert len({group.id for group in groups}) == len(groups) == 21
    keys = [(getattr(group, sort), group.id) for group in groups]
    assert keys == sorted(keys, reverse=True)


def test_groups_are_found_by_title_in_any_case_and_wildcards_are_letters(world: World) -> None:
    seed(world, "KeyError: 100%", "KeyError: 1000", "Value_Error", "ValueError", "back\\slash")

    def titles(query: str) -> set[str]:
        return {g.title for g in world.groups.list(world.wanted(query)).items}

    assert titles("keyerror") == {"KeyError: 100%", "KeyError: 1000"}
    assert titles("100%") == {"KeyError: 100%"}
    assert titles("E_E") == {"Value_Error"}
    assert titles("\\") == {"back\\slash"}
    assert titles("error 1000") == {"KeyError: 1000"}
    assert titles('-"KeyError: 1"') == {"Value_Error", "ValueError", "back\\slash"}
    assert titles("cart.total") == titles("")
    for hostile in ("\0", "\ud800", "'; --", "x" * 1000):
        assert titles(hostile) == set()


def test_groups_are_filtered_by_project_and_status(world: World) -> None:
    seed(world, "one")
    assert len(world.groups.list(world.wanted(status="open")).items) == 1
    assert world.groups.list(world.wanted(status="resolved")).items == []
    assert world.groups.list(world.wanted(status="no such\0")).items == []
    assert world.groups.list(world.wanted(project_id=2**31 - 1)).items == []
    assert world.groups.find(uuid4()) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        "A" * 1000,
        base64.urlsafe_b64encode(b"[" * 300).decode(),
        base64.urlsafe_b64encode(json.dumps({"a": 1}).encode()).decode(),
        encode_cursor("count", 3, NO_GROUP),
        encode_cursor("last_seen", "not a time", NO_GROUP),
        encode_cursor("last_seen", "2026-11-20T10:00:00+00:00", "not an id"),
        encode_cursor("last_seen", "0001-01-01T00:00:00+23:00", NO_GROUP),
    ],
)
def test_a_cursor_that_this_list_did_not_give_is_a_value_error(world: World, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        world.groups.list(world.wanted(), sort="last_seen", cursor=cursor)
    with pytest.raises(ValueError, match="cursor"):
        world.events.of_group(uuid4(), cursor, 5)


@pytest.mark.parametrize("value", ["1", -1, 2**63])
def test_a_cursor_with_an_impossible_count_is_a_value_error(world: World, value: str | int) -> None:
    with pytest.raises(ValueError, match="cursor"):
        world.groups.list(world.wanted(), "count", encode_cursor("count", value, uuid4().hex))


def test_an_unknown_sort_is_a_value_error(world: World) -> None:
    with pytest.raises(ValueError, match="sort"):
        world.groups.list(world.wanted(), sort="id; DROP TABLE groups")


def test_occurrences_come_newest_first_over_days(world: World) -> None:
    now = now_ms()
    records = [a_crash(world, at_ms=now - age * DAY_MS) for age in (0, 0, 1, 1, 2, 3)]
    pack, items = a_pack(records)
    world.packs.store(pack, FILES_AT, items)
    seed(world, "another group")
    (group,) = world.groups.list(world.wanted("KeyError")).items
    events = every(lambda cursor: world.events.of_group(group.id, cursor, 2))
    assert [event.id for event in events] == sorted((r.id for r in records), reverse=True)
    assert {event.columns["class_name"] for event in events} == {"KeyError"}
    assert world.events.of_group(uuid4(), None, 2) == Page([], None)


def test_nothing_is_known_of_an_event_that_never_came(world: World) -> None:
    unknown = new_id(now_ms())
    assert world.events.find(unknown) is None
    assert world.events.receipt(unknown) is None


def test_minutes_are_bounded_and_of_the_project_asked_for(world: World) -> None:
    minute = id_minute(new_id(now_ms())) - 500
    for offset in range(3):
        pack, items = a_pack([a_crash(world, at_ms=(minute + offset) * 60_000)])
        world.packs.store(pack, FILES_AT, items)
        world.packs.mark_searched(pack.id, SEARCH_AT)
    row = (world.project.id, "crash")
    stored = SettledCounts(stored=1)
    assert world.settled.minutes(world.project.name, minute, minute + 1) == {
        (minute, *row): stored,
        (minute + 1, *row): stored,
    }
    assert world.settled.minutes(None, minute + 2, minute + 2)[minute + 2, *row] == stored
    assert world.settled.minutes("no such project", 0, minute) == {}
    assert world.settled.totals()["crash"].stored >= 3
