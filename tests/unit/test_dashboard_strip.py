"""The count strip: remembered a while, unknown when its store is away, for who may see it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from app.api.access import Need
from app.dashboard.strip import Strip, Tally
from app.last_known import LastKnown
from app.stores import Stores
from storage.errors import StoreDown
from storage.sql.projects import Project

SHOP = Project(1, "shop", datetime(2026, 1, 1, tzinfo=UTC), None)
BLOG = Project(2, "blog", datetime(2026, 1, 1, tzinfo=UTC), None)


class Counter:
    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.fails = False

    def read(self, stores: Any, project: Project | None) -> int:
        self.asked.append(project.name if project else None)
        if self.fails:
            raise StoreDown("sql", "away")
        return len(self.asked)


def everything(need: Need) -> bool:
    return True


def strip_of(counter: Counter, now: list[float], **more: Any) -> Strip:
    tally = Tally("Things", counter.read, lambda project: "/things", "read", **more)
    memory = LastKnown(lambda: int(1000 * now[0]), seconds=10)
    return Strip(cast(Stores, None), (tally,), memory)


def test_a_number_is_asked_for_once_in_a_while_and_project() -> None:
    counter, now = Counter(), [0.0]
    strip = strip_of(counter, now)
    (first,) = strip.counts("project", SHOP, everything)
    (again,) = strip.counts("project", SHOP, everything)
    assert (first.value, again.value, first.more) == (1, 1, False)
    strip.counts("project", BLOG, everything)
    now[0] = 11.0
    (later,) = strip.counts("project", SHOP, everything)
    assert later.value == 3
    assert counter.asked == ["shop", "blog", "shop"]


def test_a_store_that_is_away_makes_a_number_unknown_and_is_left_alone() -> None:
    counter, now = Counter(), [0.0]
    counter.fails = True
    strip = strip_of(counter, now)
    assert [strip.counts("project", SHOP, everything)[0].value for _ in range(3)] == [None] * 3
    assert len(counter.asked) == 1


def test_numbers_are_for_who_may_see_them_and_where_they_belong() -> None:
    strip = strip_of(Counter(), [0.0])
    assert strip.counts("project", SHOP, lambda need: need != "read") == ()
    assert strip.counts("installation", None, everything) == ()


def test_a_number_at_its_bound_says_so() -> None:
    strip = strip_of(Counter(), [0.0], most=1, tone="bad")
    (count,) = strip.counts("project", SHOP, everything)
    assert (count.more, count.tone) == (True, "bad")
