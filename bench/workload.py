"""Measuring something several times and writing down the median."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.report import median_rows, save, table

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Run:
    """One of several equal runs."""

    number: int
    say: Callable[[str], None]


def measured(
    name: str,
    options: argparse.Namespace,
    once: Callable[[Run], Rows],
    notes_of: Callable[[Rows], dict[str, Any]] = lambda _: {},
    **notes: Any,
) -> None:
    """Run, print the table of medians, and save it with every run."""
    runs = []
    loads = []
    for number in range(1, options.runs + 1):
        options.say(f"{name}: run {number} of {options.runs}")
        loads.append([round(value, 2) for value in os.getloadavg()])
        runs.append(once(Run(number, options.say)))
    rows = median_rows(runs)
    print(table(rows))
    kept = {key: value for key, value in vars(options).items() if key not in {"say", "run"}}
    notes = {**notes, **notes_of(rows), "load average before each run": loads}
    path = save(name, kept, runs, notes)
    options.say(f"written to {path}")
