"""Bisection finds exactly the items at fault, and tells outages from faults."""

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from hypothesis import given
from hypothesis import strategies as st

from config.policy import RetryPolicy
from storage.errors import Rejected, StoreDown
from tasks.isolation import Retrying, isolate


class Sleeps(list):
    def __call__(self, seconds):
        self.append(seconds)


def retrying(attempts=2):
    policy = RetryPolicy(attempts=attempts, base=1.0, cap=8.0)
    return Retrying(policy, sleep=Sleeps(), random=lambda: 0.0)


@given(st.sets(st.integers(0, 199)), st.integers(0, 200))
def test_exactly_the_items_at_fault_are_set_aside(bad, size):
    def attempt(items):
        if bad.intersection(items):
            raise Rejected("sql", "no")

    good, failures = isolate(attempt, range(size), retrying())

    assert good == [n for n in range(size) if n not in bad]
    assert [f.item for f in failures] == [n for n in range(size) if n in bad]


def test_calls_stay_near_two_log_n_for_one_item_at_fault():
    calls = []

    def attempt(items):
        calls.append(len(items))
        if 700 in items:
            raise Rejected("sql", "no")

    isolate(attempt, range(1024), retrying())

    assert len(calls) <= 2 * 10 + 2


def test_an_unknown_error_is_retried_with_backoff_before_it_counts():
    policy = retrying(attempts=3)
    failing = iter([ValueError("once"), ValueError("twice")])

    def attempt(_):
        error = next(failing, None)
        if error:
            raise error

    good, failures = isolate(attempt, [1, 2], policy)

    assert (good, failures) == ([1, 2], [])
    assert policy.sleep == [0.5, 1.0]


def test_a_failure_tells_code_reason_traceback_and_tries():
    def attempt(_):
        raise KeyError("colour")

    _, [failure] = isolate(attempt, ["x"], retrying(attempts=3))

    assert failure.code == "KeyError"
    assert failure.reason == "'colour'"
    assert failure.attempts == 3
    assert "in attempt" in failure.traceback


def test_an_outage_is_nobodys_fault():
    def attempt(items):
        if len(items) == 1:
            raise StoreDown("sql", "gone")
        raise Rejected("sql", "no")

    with pytest.raises(StoreDown):
        isolate(attempt, range(8), retrying())


def test_the_soft_time_limit_propagates_and_blames_nobody():
    calls = []

    def attempt(items):
        calls.append(len(items))
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        isolate(attempt, range(8), retrying())
    assert calls == [8]
