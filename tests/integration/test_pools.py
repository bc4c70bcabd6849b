"""Pools tell of themselves: running, at work, ended in order, or killed and missed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from broker.pools import MISSING_SECONDS, Pool, Pools
from config.policy import QUEUES
from config.settings import Settings
from events.ids import now_ms
from tests.integration.pipeline import (
    ROOT,
    WORKER,
    Pipeline,
    crash,
    environment,
    wait_until,
)

pytestmark = pytest.mark.timeout(300)

POISONED = [*WORKER[:4], "tests.integration.sleepy_worker:app", *WORKER[5:]]


def pools(settings: Settings, later_ms: int = 0) -> list[Pool]:
    url, timeout = settings.redis_url, settings.broker_timeout_seconds
    return Pools(url, timeout=timeout, clock=lambda: now_ms() + later_ms).list()


@pytest.fixture
def worker(pipeline: Pipeline) -> Iterator[subprocess.Popen[bytes]]:
    """A pool of two children whose tasks take a while."""
    argv = [*POISONED, "--concurrency", "2", "--hostname", "told@here"]
    process = subprocess.Popen(
        [*argv, "--queues", ",".join(QUEUES)],
        cwd=ROOT,
        env=environment(pipeline.settings, SLUICE_RELEASE="0.1.0+abc"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def running(settings: Settings) -> Pool | None:
    return next((pool for pool in pools(settings) if pool.state == "running"), None)


def test_a_pool_from_its_start_to_its_end(
    pipeline: Pipeline, worker: subprocess.Popen[bytes]
) -> None:
    settings = pipeline.settings
    pool = wait_until(lambda: running(settings))
    assert (pool.report.name, pool.report.kind, pool.report.size) == ("told@here", "prefork", 2)
    assert (pool.report.release, pool.starts) == ("0.1.0+abc", 1)
    assert pool.report.queues == sorted(QUEUES)
    assert (pool.report.pid, len(pool.report.children)) == (worker.pid, 2)
    assert pool.rss_bytes is not None
    assert pool.rss_bytes > 10 << 20

    pipeline.publish([crash(1), crash(2)])
    busy = wait_until(lambda: (found := running(settings)) and found.busy and found)
    [child] = [child for child in busy.report.children if child.task]
    assert (child.queue, child.events) == ("crash.files", 2)
    assert child.since_ms is not None

    pipeline.settle()
    worker.terminate()
    worker.wait()
    [pool] = pools(settings)
    assert (pool.state, pool.busy) == ("stopped", 0)


def test_a_child_that_died_was_replaced_and_a_killed_pool_is_missed(
    pipeline: Pipeline, worker: subprocess.Popen[bytes]
) -> None:
    settings = pipeline.settings
    pool = wait_until(lambda: running(settings))
    os.kill(pool.report.children[0].pid, signal.SIGKILL)
    wait_until(lambda: (found := running(settings)) and found.report.replaced == 1)

    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    [pool] = pools(settings, later_ms=int(MISSING_SECONDS * 1000) + 6000)
    assert pool.state == "missing"
    assert pool.age_seconds > MISSING_SECONDS
