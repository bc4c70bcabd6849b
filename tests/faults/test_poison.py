"""Poison: events that make a stage fail, or end its worker, are found and dead-lettered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from config.policy import match_queues
from tests.faults.beside import Beside, running, worker_command
from tests.faults.form import in_full
from tests.faults.ground import Ground
from tests.faults.load import Mark
from tests.faults.test_faults import endured

pytestmark = pytest.mark.timeout(900)

EVERY = 500
FAILING = ("poison-raise", "poison-row", "poison-document")
KILLING = ("poison-kill", *in_full("poison-linger", "poison-hang"))
QUEUES = match_queues(("*.sql", "*.search"))
"""Those of the two pools whose place it takes."""


@pytest.fixture(scope="module", autouse=True)
def worker(ground: Ground) -> Iterator[None]:
    """A worker with the poison in it takes the place of the real ones."""
    poisoned_one = Beside(
        ground.sluice,
        "poisoned",
        worker_command("tests.faults.poisoned_worker", *QUEUES),
        {"SLUICE_FLOOD_EVENTS": "1000000"},
    )
    with ground.sluice.stopped("worker-sql", "worker-search"), running(poisoned_one):
        yield


def test_one_poison_event_of_each_kind_in_every_500(ground: Ground) -> None:
    poisoned(ground, f"one poison event of each kind in every {EVERY}", FAILING, 4, 60)


@pytest.mark.parametrize("kind", KILLING)
def test_an_event_that_kills_its_worker(ground: Ground, kind: str) -> None:
    what = kind.removeprefix("poison-")
    poisoned(ground, f"an event that ends its worker ({what})", (kind,), 3, 4)


def poisoned(ground: Ground, name: str, kinds: Sequence[str], short: float, full: float) -> None:
    """Exactly the marked ones are dead in the end."""
    outcome = ground.endure(name, lambda found: found.hold(short, full), mark=every_nth(kinds))
    marked = ground.sent.marked
    assert set(marked.values()) == set(kinds), outcome
    endured(outcome, dead=len(marked))


def every_nth(kinds: Sequence[str]) -> Mark:
    """A mark of each kind in every 500 crashes, evenly spread."""
    positions = {EVERY * (n + 1) // (len(kinds) + 1): kind for n, kind in enumerate(kinds)}
    return lambda number: positions.get(number % EVERY)
