"""Stacks that repeat are read once, and what is read is what reading anew would give."""

from __future__ import annotations

from typing import Any

import pytest

from events.raygun.frames import read_frames
from events.report import Frame
from events.stacks import MAX_STACK_BYTES, Stack, Stacks, made_once


def raw(method: str = "run", count: int = 3) -> list[dict[str, Any]]:
    return [{"fileName": "/srv/a.js", "lineNumber": n, "methodName": method} for n in range(count)]


def a_frame(method: str) -> Frame:
    return Frame("a.js", 1, None, None, method, None, True)


class Reading:
    """Reads frames and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> tuple[list[Frame], int]:
        self.times += 1
        return [a_frame(f"run{self.times}")], 0


def test_an_equal_stack_is_read_once() -> None:
    stacks, reading = Stacks(), Reading()
    first = stacks.read(raw(), "node", reading)
    assert stacks.read(raw(), "node", reading) is first
    assert reading.times == 1


@pytest.mark.parametrize(
    "other", [(raw("walk"), "node"), (raw(), "python"), (raw(count=4), "node")]
)
def test_another_stack_or_platform_is_read_anew(other: tuple[list[Any], str]) -> None:
    stacks, reading = Stacks(), Reading()
    stacks.read(raw(), "node", reading)
    stacks.read(*other, reading)
    assert reading.times == 2


def test_the_oldest_are_forgotten_beyond_the_bound() -> None:
    stacks, reading = Stacks(most_bytes=3_000), Reading()
    for number in range(100):
        stacks.read(raw(f"m{number}"), "node", reading)
    assert stacks._bytes <= 3_000
    assert sum(len(key) for _, key in stacks._known) == stacks._bytes
    stacks.read(raw("m99"), "node", reading)
    assert reading.times == 100
    stacks.read(raw("m0"), "node", reading)
    assert reading.times == 101


@pytest.mark.parametrize(
    "odd",
    [
        raw("x" * MAX_STACK_BYTES),
        raw("\ud800"),
        [[[[]]] * 3] * 3 + [{"fileName": 2**70}],
    ],
)
def test_what_cannot_be_remembered_is_read_each_time(odd: list[Any]) -> None:
    stacks, reading = Stacks(), Reading()
    for _ in range(2):
        frames, _ = stacks.read(odd, "node", reading)
        assert not isinstance(frames, Stack)
    assert reading.times == 2


def test_what_is_made_of_a_shared_stack_is_made_once() -> None:
    frames = Stack([a_frame("run")])
    assert made_once(frames, "names", lambda: ["run"]) is made_once(frames, "names", lambda: [])
    assert made_once([*frames], "names", lambda: ["walk"]) == ["walk"]


@pytest.mark.parametrize("platform", ["node", "python", "javascript", "go", "java", "unknown"])
def test_reading_twice_gives_the_same(platform: str) -> None:
    first, second = read_frames(raw("twice"), platform), read_frames(raw("twice"), platform)
    assert first == second
    assert read_frames("no stack", platform) == ([], 0)
