"""Each fault in turn, under load: every event answered 202 is stored once, or dead with a reason.

The order is that of the table. Short in `./sluice test`, in full by `./sluice test --faults`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults import injections
from tests.faults.form import FULL
from tests.faults.ground import Ground
from tests.faults.outcome import Outcome

pytestmark = pytest.mark.timeout(900)

ALWAYS: dict[str, Callable[[Ground], None]] = {
    "SIGKILL of a random worker, parent or child, every 2 s": injections.kill_workers,
    "SIGKILL of the broker, twice": injections.kill_broker_twice,
    "SIGSTOP of the broker": injections.freeze_broker,
    "broker out of memory": injections.fill_broker,
    "SIGKILL of PostgreSQL": injections.kill_sql,
    "SIGSTOP of PostgreSQL": injections.freeze_sql,
    "SIGKILL of Elasticsearch": injections.kill_search,
    "read-only Elasticsearch index": injections.block_index,
    "SIGKILL of S3": injections.kill_files,
    "S3 takes 5 s an answer": injections.slow_files,
    "S3 answers 503 SlowDown": injections.throttle_files,
    "SIGKILL of a web process": injections.kill_web_child,
    "SIGKILL of the web tier while spooling": injections.kill_web_while_spooling,
    "TERM of every process and server in turn": injections.term_everything,
}

FULL_ONLY = {
    "read-only Elasticsearch cluster": injections.block_cluster,
    "SIGKILL of the whole web tier": injections.kill_web,
}

SCENARIOS = {**ALWAYS, **(FULL_ONLY if FULL else {})}


@pytest.mark.parametrize("name", SCENARIOS)
def test_fault(ground: Ground, name: str) -> None:
    endured(ground.endure(name, SCENARIOS[name]))


def test_all_stores_down(ground: Ground) -> None:
    minutes = "3 minutes" if ground.full else "6 s"
    name = f"all stores down for {minutes} at 500 events/s"
    endured(ground.endure(name, injections.lose_all_stores, rate=500))


def endured(outcome: Outcome, dead: int = 0) -> None:
    """Nothing lost, nothing twice, and only so many dead."""
    assert (outcome.lost, outcome.duplicated, outcome.problems) == (0, 0, []), outcome
    assert (outcome.dead, outcome.parked) == (dead, 0), outcome
    assert outcome.accepted > 0, outcome
