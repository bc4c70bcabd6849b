"""The product's worker pools, as the Procfile has them, and what they have stored."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from bench.backlog import waiting
from bench.ground import Ground, wait_until
from bench.kinds import CRASH, Kind
from bench.processes import Watched
from broker.pauses import Pauses
from config.policy import match_queues
from ops.commands.worker import ALLOCATOR, worker_argv

POOLS = ("files", "sql", "search")


def start_pools(place: Ground, concurrency: int = 1, extra: tuple[str, ...] = ()) -> list[Watched]:
    """One pool a stage, each with so many processes."""
    return [start_pool(place, stage, concurrency, extra) for stage in POOLS]


def start_pool(
    place: Ground, stage: str, concurrency: int = 1, extra: tuple[str, ...] = ()
) -> Watched:
    """The pool of one stage, of all event types."""
    name = f"worker-{stage}"
    unique = f"{name}-{os.getpid()}"
    argv = worker_argv(match_queues([f"*.{stage}"]), unique, "prefork", concurrency)
    plain = "allocator" in place.environment.get("BENCH_WITHOUT", "").split(",")
    environment = {**({} if plain else ALLOCATOR), **place.environment}
    return place.start(name, [sys.executable, *argv[1:], *extra], environment)


@contextmanager
def held(place: Ground, kind: Kind = CRASH) -> Iterator[None]:
    """Hand nothing of the first queue out until the block ends, so that a start costs no time."""
    pauses = Pauses(place.settings.redis_url, timeout=60)
    pauses.pause(kind.queue, "bench", "until the workers are up")
    try:
        yield
    finally:
        pauses.resume(kind.queue)


def wait_for_pools(place: Ground, pools: int) -> None:
    """Return when so many pools are there to take messages."""
    with place.redis() as client:
        wait_until("the workers are up", lambda: len(client.keys("lease:*")) >= pools)


def drained(place: Ground, events: int) -> bool:
    """Whether nothing waits any more and so many events are stored."""
    time.sleep(0.2)  # each look costs PostgreSQL
    return waiting(place) == 0 and stored(place) == events


def stored(place: Ground) -> int:
    """Events of the project that count as stored in the ledger."""
    connection = psycopg2.connect(place.settings.postgres_dsn.reveal())
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(stored), 0) FROM ledger WHERE project_id = %s",
                (place.project_id,),
            )
            row = cursor.fetchone()
            return int(row[0]) if row else 0
    finally:
        connection.close()
