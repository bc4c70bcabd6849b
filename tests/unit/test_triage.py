"""What becomes of a group: the whole of it, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from events.triage import (
    FOR_EVER,
    NEW_FOR,
    Arrivals,
    Resolution,
    Triage,
    Until,
    assigned,
    ignored,
    on_arrivals,
    on_time,
    reopened,
    resolved,
)
from events.versions import VersionOrder

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDER = VersionOrder({"3f2a91c": NOW - HOUR, "aa00bb1": NOW})


def arrivals(*versions, newest=NOW + HOUR, count=10, users=3):
    return Arrivals(newest, frozenset(versions), count, users)


RESOLVED = resolved(Triage(), NOW)


def resolved_in(version, after=False):
    return resolved(Triage(), NOW, Resolution(version, after))


@pytest.mark.parametrize(
    ("triage", "came", "regressed"),
    [
        # resolved without a version: whatever is received afterwards
        (RESOLVED, arrivals("1.0"), True),
        (RESOLVED, arrivals(), True),
        (RESOLVED, arrivals("9.9", newest=NOW - HOUR), False),
        (RESOLVED, arrivals(newest=NOW), False),
        # resolved in a version: from that one on
        (resolved_in("1.2"), arrivals("1.1"), False),
        (resolved_in("1.2"), arrivals("1.2.0"), True),
        (resolved_in("1.2"), arrivals("1.10"), True),
        (resolved_in("1.2"), arrivals("1.2-rc1"), False),
        (resolved_in("1.2"), arrivals("1.1", "1.3"), True),
        (resolved_in("1.2"), arrivals("1.3", newest=NOW - HOUR), True),
        (resolved_in("1.2"), arrivals(), False),
        # after a version: from the next one on
        (resolved_in("1.2", after=True), arrivals("1.2"), False),
        (resolved_in("1.2", after=True), arrivals("1.2.1"), True),
        # versions without an order of their own: by first sight
        (resolved_in("3f2a91c", after=True), arrivals("3f2a91c"), False),
        (resolved_in("3f2a91c"), arrivals("3f2a91c"), True),
        (resolved_in("3f2a91c"), arrivals("aa00bb1"), True),
        (resolved_in("aa00bb1"), arrivals("3f2a91c"), False),
        (resolved_in("not-seen-yet"), arrivals("aa00bb1"), False),
        (resolved_in("not-seen-yet"), arrivals("not-seen-yet"), True),
        # whoever is not resolved does not regress
        (Triage(), arrivals("9.9"), False),
        (ignored(Triage(), NOW), arrivals("9.9"), False),
        (Triage("regressed", NOW), arrivals("9.9"), False),
    ],
)
def test_a_regression_is_what_comes_back_later(triage, came, regressed):
    turn = on_arrivals(triage, came, ORDER)
    assert (turn is not None) == regressed
    if turn is not None:
        assert turn.triage == Triage("regressed", came.newest, touched=True)
        assert turn.action == "regressed"


def test_a_regression_says_in_which_version():
    turn = on_arrivals(resolved_in("1.2"), arrivals("1.1", "1.3"), ORDER)
    assert turn.detail == {"version": "1.3", "resolved_in": "1.2"}


@pytest.mark.parametrize(
    ("until", "came", "ended"),
    [
        (FOR_EVER, arrivals(count=10**9, users=10**9), None),
        (Until(at=NOW + HOUR), arrivals(newest=NOW + HOUR), "time"),
        (Until(at=NOW + 2 * HOUR), arrivals(newest=NOW + HOUR), None),
        (Until(count=10), arrivals(count=10), "occurrences"),
        (Until(count=11), arrivals(count=10), None),
        (Until(users=3), arrivals(users=3), "users"),
        (Until(users=4), arrivals(users=3), None),
        (Until(at=NOW + 2 * HOUR, count=9), arrivals(), "occurrences"),
    ],
)
def test_ignoring_ends_when_it_was_said_to(until, came, ended):
    turn = on_arrivals(ignored(Triage(), NOW, until), came, ORDER)
    assert (turn and turn.detail["by"]) == ended
    if turn is not None:
        assert turn.triage == Triage("open", came.newest, touched=True)


def test_time_alone_ends_ignoring_too_and_nothing_else():
    until = ignored(Triage(), NOW, Until(at=NOW + HOUR))
    assert on_time(until, NOW, 1, 1) is None
    turn = on_time(until, NOW + HOUR, 1, 1)
    assert turn is not None
    assert turn.action == "ignore_ended"
    assert on_time(RESOLVED, NOW + HOUR, 1, 1) is None


def test_a_status_leaves_the_terms_of_the_one_before_and_keeps_the_assignee():
    mine = assigned(Triage(), "ann")
    first = ignored(mine, NOW, Until(count=5))
    second = resolved(first, NOW, Resolution("1.2"))
    third = reopened(second, NOW)
    assert (second.until, second.resolution) == (FOR_EVER, Resolution("1.2"))
    assert third == Triage("open", NOW, assignee="ann", touched=True)
    assert assigned(third, None).assignee is None


@pytest.mark.parametrize(
    ("triage", "age", "new"),
    [
        (Triage(), NEW_FOR - HOUR, True),
        (Triage(), NEW_FOR, False),
        (assigned(Triage(), "ann"), HOUR, False),
        (reopened(RESOLVED, NOW), HOUR, False),
        (RESOLVED, HOUR, False),
    ],
)
def test_a_group_is_new_until_somebody_decides_or_a_week_is_over(triage, age, new):
    assert triage.is_new(NOW - age, NOW) == new
