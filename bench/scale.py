"""``bench scale``: the drain with 1, 2 and 4 processes a stage, and each stage's own speed.

Servers are warmed first, as for ``drain``.
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.backlog import MESSAGE_EVENTS
from bench.drain import drain, warm
from bench.ground import ground
from bench.workload import Run, measured

EVENTS, SHORT_EVENTS = 100_000, 5_000
PROCESSES = (1, 2, 4)


def main(options: argparse.Namespace) -> None:
    events = options.events or (SHORT_EVENTS if options.short else EVENTS)

    def once(run: Run) -> list[dict[str, Any]]:
        rows = []
        with ground(lambda _: None) as place:
            warm(place, events, options.seed + run.number)
            for processes in PROCESSES:
                what = f"{processes} a stage"
                row = drain(place, events, options.seed + run.number, processes, what=what)
                rows.append({**row, **_by_queue(row, processes)})
                run.say(f"{what}: {row['events_per_s']:,.0f} events/s")
        return rows

    measured(
        "scale",
        options,
        once,
        events_per_message=MESSAGE_EVENTS,
        events_before_to_warm_the_servers=events,
    )


def _by_queue(row: dict[str, Any], processes: int) -> dict[str, float]:
    """Events a second that a stage's processes could do if they had nothing to wait for."""
    return {
        f"{name.removeprefix('worker-')}_limit_per_s": round(1000 * processes / spent, 1)
        for name, spent in row["cpu"].items()
        if name.startswith("worker-") and spent
    }
