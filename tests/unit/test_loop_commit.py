"""When a batch of the event loop's group commit goes, on a loop whose time a test moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from app.ingest.commit import Bounds
from app.ingest.loop_commit import ENOUGH, PAUSE_SECONDS, LoopCommitter, enough
from events.envelope import Envelope
from events.ids import new_id, now_ms

DEADLINE = 30.0
TURNS = 50
"""Of the loop, in which whatever can happen without time passing has happened."""


class StandingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands unless a test moves it."""

    now = 1000.0

    def time(self) -> float:
        return self.now


class Lane:
    """Requests to one lane, and the batches that went."""

    def __init__(self, loop: StandingLoop, pool: ThreadPoolExecutor) -> None:
        self.loop = loop
        self.batches: list[int] = []
        self._committer = LoopCommitter(self._publish, Bounds(500, 1 << 20), pool, patience=1)
        self._sent: list[asyncio.Task[None]] = []

    def _publish(self, event_type: str, batch_id: UUID, batch: Sequence[Envelope]) -> None:
        self.batches.append(len(batch))

    async def come(self, requests: int) -> None:
        """So many requests of one event each, at the same moment."""
        for _ in range(requests):
            event = Envelope(new_id(now_ms()), 7, "crash", "raygun.entry", b"{}")
            self._sent.append(asyncio.create_task(self._committer.commit("crash", [event])))
        await self.turn()

    async def turn(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        self.loop.now += seconds
        await self.turn()

    async def settled(self) -> None:
        """Return when every request has its answer."""
        deadline = time.monotonic() + DEADLINE
        while not all(task.done() for task in self._sent):
            assert time.monotonic() < deadline, "a request was forgotten"
            await asyncio.sleep(0)
        for task in self._sent:
            task.result()


class Run:
    """Runs a test's coroutine on its own loop, in a thread: a browser test before may have left a
    loop in this one.
    """

    def __init__(self) -> None:
        self._loop = StandingLoop()
        self._pool = ThreadPoolExecutor(2)

    def __call__(self, play: Callable[[Lane], Coroutine[Any, Any, None]]) -> Lane:
        lane = Lane(self._loop, self._pool)
        self._pool.submit(lambda: self._loop.run_until_complete(play(lane))).result(DEADLINE)
        return lane

    def close(self) -> None:
        self._loop.close()
        self._pool.shutdown()


@pytest.fixture
def run() -> Iterator[Run]:
    made = Run()
    yield made
    made.close()


def test_who_sends_one_after_the_other_waits_for_nobody(run: Run) -> None:
    async def play(lane: Lane) -> None:
        for _ in range(5):
            await lane.come(1)
            await lane.settled()

    assert run(play).batches == [1] * 5


def test_a_batch_waits_for_company_until_its_time(run: Run) -> None:
    async def play(lane: Lane) -> None:
        await lane.come(8)
        await lane.settled()
        await lane.come(3)
        await lane.pass_time(PAUSE_SECONDS * 0.9)
        await lane.come(1)
        assert lane.batches == [8]
        await lane.pass_time(PAUSE_SECONDS * 0.2)
        await lane.settled()

    assert run(play).batches == [8, 4]


def test_when_all_have_come_again_nobody_waits(run: Run) -> None:
    async def play(lane: Lane) -> None:
        for _ in range(3):
            await lane.come(8)
            await lane.settled()
        await lane.come(6)
        assert lane.batches == [8, 8, 8]
        await lane.come(1)
        await lane.settled()

    assert run(play).batches == [8, 8, 8, 7]


def test_enough_are_never_made_to_wait(run: Run) -> None:
    async def play(lane: Lane) -> None:
        await lane.come(60)
        await lane.settled()
        await lane.come(ENOUGH)
        await lane.settled()

    assert run(play).batches == [60, ENOUGH]


def test_after_a_quiet_time_the_first_waits_for_nobody(run: Run) -> None:
    async def play(lane: Lane) -> None:
        await lane.come(8)
        await lane.settled()
        await lane.pass_time(1)
        await lane.come(1)
        await lane.settled()

    assert run(play).batches == [8, 1]


@pytest.mark.parametrize(
    ("crowd", "wanted"), [(0, 0), (1, 1), (2, 2), (8, 7), (16, 14), (19, 16), (500, ENOUGH)]
)
def test_how_many_are_enough(crowd: int, wanted: int) -> None:
    assert enough(crowd) == wanted
