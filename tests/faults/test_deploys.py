"""Ending web and workers under load, a full spool, and a worker with a wrong clock."""

from __future__ import annotations

import signal

import pytest

from config.policy import EVENT_TYPES, match_queues
from tests.faults import injections
from tests.faults.beside import Beside, WebInstance, needed_program, running
from tests.faults.ground import Ground
from tests.faults.installation import CHECKOUT, alive, send, wait_until
from tests.faults.test_faults import endured

pytestmark = pytest.mark.timeout(900)

QUEUES = match_queues(f"{policy.name}.*" for policy in EVENT_TYPES)
END_SECONDS = 30


def test_web_and_workers_end_within_30_seconds(ground: Ground) -> None:
    """TERM to all of them at once under load: what was accepted is kept, and they do end."""
    names = ("web", *injections.WORKERS)

    def term(found: Ground) -> None:
        parents = [found.sluice.tree(name)[0] for name in names]
        send(parents, signal.SIGTERM)
        wait_until(
            lambda: not any(map(alive, parents)),
            END_SECONDS,
            f"the end of {dict(zip(names, parents, strict=True))}",
        )
        injections.web_answers(found)

    endured(ground.endure("TERM of web and all workers at once", term))


def test_a_full_spool_refuses(ground: Ground) -> None:
    """With the broker away and the spool's bound reached: 503, counted, and nothing lost."""
    web = WebInstance(
        ground.sluice,
        "web-small-spool",
        SLUICE_HOME=str(ground.sluice.home.parent / "small-spool"),
        SLUICE_SPOOL_MAX_BYTES=str(60_000),
    )
    with running(web):
        outcome = ground.endure("disk full for the spool", injections.freeze_broker, web=web.url)
    assert outcome.refused.keys() == {"503"}, outcome
    endured(outcome)


def test_a_clock_set_back_by_an_hour(ground: Ground) -> None:
    """A worker whose whole process believes an hour ago takes the place of one that does not."""
    worker = Beside(
        ground.sluice,
        "worker-late",
        [needed_program("faketime"), "-f", "-1h", str(CHECKOUT / "sluice"), "worker", *QUEUES],
        {"FAKETIME_DONT_FAKE_MONOTONIC": "1"},
    )

    def set_back(found: Ground) -> None:
        with found.sluice.stopped("worker-files"), running(worker):
            found.hold(8, 30)

    endured(ground.endure("clock set back by an hour in one worker", set_back))
