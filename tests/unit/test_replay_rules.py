"""How fast a replay goes, and what follows from the fates of its letters."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.replay import MAX_RATE, MIN_RATE, Replay, allowance, next_status

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def replay(status, canary=0, **counts):
    return Replay(uuid4(), NOW, "me", {}, 50.0, canary, status, None, None, counts)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (replay("canary", 3, waiting=9, sent=3), "canary"),
        (replay("canary", 3, waiting=9, stored=2, sent=1), "canary"),
        (replay("canary", 3, waiting=9, stored=2), "canary"),
        (replay("canary", 3, waiting=9, stored=3), "sending"),
        (replay("canary", 3, waiting=9, stored=3, skipped=2), "sending"),
        (replay("canary", 3, stored=2), "finished"),
        (replay("canary", 3), "finished"),
        (replay("canary", 3, waiting=9, stored=2, dead=1), "stopped"),
        (replay("canary", 3, waiting=9, sent=2, discarded=1), "stopped"),
        (replay("sending", waiting=1, stored=4), "sending"),
        (replay("sending", claimed=1), "sending"),
        (replay("sending", sent=1, dead=3), "settling"),
        (replay("settling", sent=1), "settling"),
        (replay("settling", dead=1, stored=2), "finished"),
    ],
)
def test_a_status_follows_from_the_counts(before, after):
    assert next_status(before)[0] == after


def test_a_stop_says_why():
    assert next_status(replay("canary", 5, dead=2, stored=3)) == (
        "stopped",
        "2 of 5 canaries died again",
    )


def test_no_more_canaries_are_sent_than_asked_for():
    assert replay("canary", 3, waiting=9, sent=1, skipped=4).canaries_left == 2
    assert not replay("canary", 3, waiting=9, sent=2, stored=1).can_send
    assert replay("sending", waiting=1).can_send
    assert not replay("stopped", waiting=1).can_send


@given(
    rate=st.floats(MIN_RATE, MAX_RATE),
    waits=st.lists(st.floats(0, 30), min_size=1, max_size=50),
    most=st.integers(0, 500),
)
def test_the_rate_is_never_passed(rate, waits, most):
    at, paced_at, sent = NOW, NOW - timedelta(seconds=1), 0
    for wait in waits:
        at += timedelta(seconds=wait)
        events, paced_at = allowance(rate, paced_at, at, most)
        assert 0 <= events <= most
        sent += events
    elapsed = (at - NOW).total_seconds()
    assert sent <= rate * (elapsed + max(1.0, 1 / rate)) + 1


def test_a_slow_rate_is_reached():
    at, paced_at, sent = NOW, NOW - timedelta(seconds=1), 0
    for _ in range(400):
        at += timedelta(milliseconds=200)
        events, paced_at = allowance(0.5, paced_at, at, 100)
        sent += events
    assert sent == 40
