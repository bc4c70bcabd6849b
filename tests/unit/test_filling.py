"""How soon a worker begins its next pack, on a clock of the test's own."""

from __future__ import annotations

import pytest

from tasks.filling import Filling


class Time:
    """Seconds that pass only in ``sleep``, and where a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def test_the_first_pack_waits_for_nobody(time: Time) -> None:
    Filling(0.5, time.clock, time.sleep).wait("crash.files", lambda: False)
    assert time.slept == []


def test_the_next_begins_its_time_after_the_last(time: Time) -> None:
    filling = Filling(0.5, time.clock, time.sleep)
    filling.wait("crash.files", lambda: False)
    time.now += 0.2
    filling.wait("crash.files", lambda: False)
    filling.wait("crash.files", lambda: False)
    assert time.slept == [0.3, 0.5]


def test_after_a_quiet_time_nobody_waits(time: Time) -> None:
    filling = Filling(0.5, time.clock, time.sleep)
    filling.wait("crash.files", lambda: False)
    time.now += 0.5
    filling.wait("crash.files", lambda: False)
    assert time.slept == []


def test_a_full_pack_is_not_waited_for(time: Time) -> None:
    filling = Filling(0.5, time.clock, time.sleep)
    for _ in range(3):
        filling.wait("crash.files", lambda: True)
    assert time.slept == []


def test_after_one_that_was_full_nobody_waits_in_its_queue(time: Time) -> None:
    filling = Filling(0.5, time.clock, time.sleep)
    filling.wait("crash.files", lambda: False)
    filling.wait("trace.files", lambda: False)
    filling.was_full("crash.files")
    filling.wait("crash.files", lambda: False)
    assert time.slept == []
    filling.wait("trace.files", lambda: False)
    assert time.slept == [0.5]


def test_queues_wait_apart(time: Time) -> None:
    filling = Filling(0.5, time.clock, time.sleep)
    filling.wait("crash.files", lambda: False)
    filling.wait("rum.files", lambda: False)
    assert time.slept == []


def test_a_clock_that_jumps_back_costs_one_wait_at_most(time: Time) -> None:
    filling = Filling(0.5, time.clock, time.sleep)
    filling.wait("crash.files", lambda: False)
    time.now -= 3600
    filling.wait("crash.files", lambda: False)
    assert time.slept == [0.5]


def test_without_a_pace_nobody_waits(time: Time) -> None:
    filling = Filling(0, time.clock, time.sleep)
    for _ in range(3):
        filling.wait("crash.files", lambda: False)
    assert time.slept == []
