"""``bench memory``: the memory of each worker over many events, and what its collector takes.

Events are published as they are stored, so that the broker's backlog stays small. Growth is told
between a fifth of the events and all of them. ``--without`` leaves out steps that save memory, so
that each can be seen alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench.backlog import fill, waiting
from bench.ground import Ground, ground, wait_until
from bench.payloads import CrashSource
from bench.processes import CpuMeter, Memory, Watched
from bench.workers import start_pools, stored, wait_for_pools
from bench.workload import Run, measured

EVENTS, SHORT_EVENTS = 1_000_000, 10_000
BACKLOG = 20_000
"""Events in the broker below which more are published."""
PART = 5_000
STEPS = {
    "freeze": "what parent and child share is looked through, and so copied, by the collector",
    "thresholds": "the collector runs as often as Python has it",
    "allocator": "glibc as it is: an arena for each thread, and large blocks kept in it",
    "recycle": "a child is never replaced, however large",
    "imports": "a pool's parent imports what only its child works with",
}
"""What can be left out of what saves memory, and what that means."""
SAMPLES_A_POINT = 5


def main(options: argparse.Namespace) -> None:
    events = options.events or (SHORT_EVENTS if options.short else EVENTS)
    left_out = [step for step in options.without.split(",") if step]
    if unknown := set(left_out) - STEPS.keys():
        raise SystemExit(
            f"bench: no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}"
        )

    def once(run: Run) -> list[dict[str, Any]]:
        with ground(lambda _: None) as place:
            place.environment["BENCH_WITHOUT"] = ",".join(left_out)
            return watch(place, events, options.seed + run.number, run)

    options.runs = 1  # the run itself is long, and what counts is its course
    measured("memory", options, once, pages=_pages(), without={s: STEPS[s] for s in left_out})


def watch(place: Ground, events: int, seed: int, run: Run) -> list[dict[str, Any]]:
    """Feed the workers and sample them; one row a pool."""
    told = place.logs / "collector.jsonl"
    place.environment["BENCH_COLLECTOR"] = str(told)
    pools = start_pools(place, extra=("--include", "bench.collector_probe,bench.without"))
    wait_for_pools(place, len(pools))
    time.sleep(5)
    idle = {pool.name: _sum(pool) for pool in pools}
    meter, begun = CpuMeter(pools), time.monotonic()
    courses = _feed(place, events, seed, pools, run)
    took = time.monotonic() - begun
    cpu = meter.seconds()
    collected = _collected(told)
    return [
        _row(pool, courses[pool.name], idle[pool.name], events, took, cpu, collected)
        for pool in pools
    ]


def _feed(
    place: Ground, events: int, seed: int, pools: list[Watched], run: Run
) -> dict[str, list[tuple[int, Memory]]]:
    source = CrashSource(seed)
    published, step = 0, max(PART, events // 50)
    courses: dict[str, list[tuple[int, Memory]]] = {pool.name: [] for pool in pools}
    sampled = 0
    while published < events:
        wait_until("the workers keep up", lambda: waiting(place) < BACKLOG, 1800)
        part = min(PART, events - published)
        fill(place, source, part)
        published += part
        if published - sampled >= step:
            sampled = published
            for pool in pools:
                courses[pool.name].append((published, _sum(pool)))
            run.say(f"{published:,}: " + ", ".join(_short(pool) for pool in pools))
    wait_until("all is stored", lambda: stored(place) == events, 1800)
    for pool in pools:
        courses[pool.name].append((events, _sum(pool)))
    return courses


def _short(pool: Watched) -> str:
    return f"{pool.name} {_sum(pool).proportional / 1e6:.0f} MB"


def _sum(pool: Watched) -> Memory:
    """A pool's parent and children together."""
    found = pool.memory()
    return Memory(
        pool.pid,
        sum(item.private for item in found),
        sum(item.proportional for item in found),
        sum(item.resident for item in found),
    )


def _row(
    pool: Watched,
    course: list[tuple[int, Memory]],
    idle: Memory,
    events: int,
    took: float,
    cpu: dict[str, float],
    collected: dict[int, float],
) -> dict[str, Any]:
    early = _around(course, events // 5)
    late = _around(course, events)
    child = pool.memory()[-1]
    gigabyte_hours = statistics.mean(m.proportional for _, m in course) / 1e9 * took / 3600
    return {
        "pool": pool.name,
        "events": events,
        "idle_pss_mb": round(idle.proportional / 1e6, 1),
        "pss_mb": round(late / 1e6, 1),
        "child_pss_mb": round(child.proportional / 1e6, 1),
        "child_private_mb": round(child.private / 1e6, 1),
        "growth_percent": round(100 * (late / early - 1), 2),
        "collector_share_of_cpu": round(collected.get(child.pid, 0.0) / cpu[pool.name], 4),
        "events_per_gb_hour": round(events / gigabyte_hours),
    }


def _around(course: list[tuple[int, Memory]], events: int) -> float:
    """The median proportional size at the samples nearest to a number of events."""
    nearest = sorted(course, key=lambda sample: abs(sample[0] - events))[:SAMPLES_A_POINT]
    return statistics.median(memory.proportional for _, memory in nearest)


def _collected(path: Path) -> dict[int, float]:
    """Seconds in the collector, by process, as last told."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    return {line["pid"]: line["seconds"] for line in lines}


def _pages() -> str:
    return "pss: proportional set size of a pool's parent and child; private: the child's own pages"
