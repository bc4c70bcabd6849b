"""``bench drain``: events a second from a backlog in the broker into all three stores.

Servers that just started are slow: the one in Java compiles itself while it works, and takes three
times as long for its first events. So as many events are drained before any are counted, as on a
machine that has run for minutes. Workers are up and wait before the clock starts; it stops when the
ledger counts every event as stored. The same through ``straight`` and ``naive`` stands beside it.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from bench import naive, straight
from bench.backlog import MESSAGE_EVENTS, fill
from bench.ground import Ground, ground, wait_until
from bench.kinds import CRASH, KINDS, Kind
from bench.processes import CpuMeter, Watched
from bench.workers import drained, held, start_pools, stored, wait_for_pools
from bench.workload import Run, measured

EVENTS, NAIVE_EVENTS = 200_000, 3_000
SHORT_EVENTS, SHORT_NAIVE_EVENTS = 10_000, 300
PARTS_MORE = 4
"""Of spans and points more are sent than of crashes: else it would be over before the servers are
warm."""
STRAIGHT_SHARE = 4
"""``straight`` is given a quarter: its payloads lie in the broker uncompressed."""


def main(options: argparse.Namespace) -> None:
    kind = KINDS[options.of]
    parts = (SHORT_EVENTS if options.short else EVENTS) * (PARTS_MORE if kind.parts > 1 else 1)
    events = options.events or parts // kind.parts
    few = SHORT_NAIVE_EVENTS if options.short else NAIVE_EVENTS

    def once(run: Run) -> list[dict[str, Any]]:
        seed = options.seed + run.number
        rows = []
        with ground(lambda _: None) as place:
            warm(place, events, seed, kind)
            for measure, count in (
                (drain, events),
                (straight.measure, events // STRAIGHT_SHARE),
                (naive.measure, few),
            ):
                row = measure(place, count, seed, kind=kind)
                row[f"{kind.noun}_per_s"] = round(row["events_per_s"] * kind.parts, 1)
                run.say(f"{row['what']}: {row[f'{kind.noun}_per_s']:,.0f} {kind.noun}/s")
                rows.append(row)
        return rows

    name = "drain" if kind is CRASH else f"drain-{kind.event_type}"
    measured(
        name,
        options,
        once,
        _ratios,
        events_per_message=MESSAGE_EVENTS,
        events_before_to_warm_the_servers=events,
    )


def warm(place: Ground, events: int, seed: int, kind: Kind = CRASH) -> None:
    """Drain events that no run counts, other ones than those of the seed."""
    drain(place, events, seed + 1000, kind=kind)


def drain(
    place: Ground,
    events: int,
    seed: int,
    concurrency: int = 1,
    *,
    what: str = "sluice",
    kind: Kind = CRASH,
) -> dict[str, Any]:
    """Fill, start the pools, and take the time until all of it is stored."""
    before = stored(place)
    with held(place, kind):
        fill(place, kind.source(seed), events, kind)
        pools = start_pools(place, concurrency)
        wait_for_pools(place, len(pools))
        time.sleep(2)  # children still import; they would compete with the first seconds
        meter = CpuMeter([*pools, *place.servers.values()])
        begun = time.monotonic()
    wait_until("the backlog is stored", lambda: drained(place, before + events), 3600)
    took = time.monotonic() - begun
    cpu, memory = meter.per_thousand(events), _memory(pools)
    place.stop(*(pool.name for pool in pools))
    return {
        "what": what,
        "events": events,
        "events_per_s": round(events / took, 1),
        **memory,
        "cpu": cpu,
    }


def _memory(pools: list[Watched]) -> dict[str, float]:
    found = {pool.name: sum(item.proportional for item in pool.memory()) for pool in pools}
    return {"workers_pss_mb": round(sum(found.values()) / 1e6, 1)}


def _ratios(rows: list[dict[str, Any]]) -> dict[str, Any]:
    rate = rows[0]["events_per_s"]
    return {
        "ratios": {
            f"sluice / {row['what']}": round(rate / row["events_per_s"], 2) for row in rows[1:]
        }
    }
