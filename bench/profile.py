"""``bench profile``: where the workers' time goes while they drain a backlog, as flame graphs.

py-spy (of requirements-dev) looks at each pool's child from outside; the graphs are SVG files in
``docs/images/profiles``, widest at what takes longest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from bench.backlog import fill
from bench.ground import Ground, ground, wait_until
from bench.payloads import CrashSource
from bench.processes import Watched
from bench.workers import drained, held, start_pools, wait_for_pools
from bench.workload import Run, measured
from ops.paths import CHECKOUT

EVENTS, SHORT_EVENTS = 60_000, 10_000
RATE = 200
GRAPHS = CHECKOUT / "docs" / "images" / "profiles"


def main(options: argparse.Namespace) -> None:
    events = options.events or (SHORT_EVENTS if options.short else EVENTS)

    def once(run: Run) -> list[dict[str, Any]]:
        with ground(lambda _: None) as place:
            return record(place, events, options.seed + run.number)

    options.runs = 1  # a picture has no median
    measured("profile", options, once, graphs=str(GRAPHS.relative_to(CHECKOUT)))


def record(place: Ground, events: int, seed: int) -> list[dict[str, Any]]:
    """Drain a backlog under the eyes of py-spy; one row a pool."""
    GRAPHS.mkdir(parents=True, exist_ok=True)
    with held(place):
        fill(place, CrashSource(seed), events)
        pools = start_pools(place)
        wait_for_pools(place, len(pools))
        time.sleep(5)  # a child that is asked while it still imports shows imports
        watching = [_watch(pool) for pool in pools]
        begun = time.monotonic()
    wait_until("the backlog is stored", lambda: drained(place, events), 1800)
    took = time.monotonic() - begun
    place.stop(*(pool.name for pool in pools))
    for watcher, path in watching:
        watcher.wait(timeout=60)  # it ends with what it watches
        path.write_text(path.read_text().replace(f"{CHECKOUT}/", ""))
    return [
        {
            "pool": pool.name,
            "events_per_s": round(events / took, 1),
            "graph": path.name,
            "bytes": path.stat().st_size,
        }
        for pool, (_, path) in zip(pools, watching, strict=True)
    ]


def _watch(pool: Watched) -> tuple[subprocess.Popen[bytes], Path]:
    child = psutil.Process(pool.pid).children()[0]
    path = GRAPHS / f"{pool.name}.svg"
    spy = Path(sys.executable).parent / "py-spy"
    argv = [str(spy), "record", "--nonblocking", "--pid", str(child.pid)]
    argv += ["--rate", str(RATE), "--output", str(path)]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), path
