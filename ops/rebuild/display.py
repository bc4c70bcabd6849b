"""Telling of a rebuild: a bar and a rate for a person, a JSON object a line for a program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ops.rebuild.feeding import Progress, Tell

_LINE_SECONDS = 1.0


@contextmanager
def display(*, as_json: bool) -> Iterator[Tell]:
    """What to call with each step."""
    console = Console()
    if as_json or not console.is_terminal:
        yield Lines(time.monotonic)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} events/s"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield Rows(bars, time.monotonic)


class Pace:
    """Events a second since a part's first step in this run."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: dict[int, tuple[float, int]] = {}

    def rate(self, progress: Progress) -> int:
        now = self._clock()
        began, done = self._began.setdefault(progress.rebuild.id, (now, progress.done))
        return round((progress.done - done) / (now - began)) if now > began else 0


class Lines:
    """A line a second, and one at each change of state."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pace = Pace(clock)
        self._last: tuple[int, str, float] | None = None

    def __call__(self, progress: Progress) -> None:
        rate, now = self._pace.rate(progress), self._clock()
        mark = (progress.rebuild.id, progress.state)
        if self._last is None or self._last[:2] != mark or now - self._last[2] >= _LINE_SECONDS:
            self._last = (*mark, now)
            click.echo(orjson.dumps(described(progress, rate)))


class Rows:
    """A bar a part."""

    def __init__(self, bars: Bars, clock: Callable[[], float]) -> None:
        self._bars = bars
        self._pace = Pace(clock)
        self._tasks: dict[int, TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        part = progress.rebuild.part
        if progress.rebuild.id not in self._tasks:
            self._tasks[progress.rebuild.id] = self._bars.add_task(part.name, rate=0)
        self._bars.update(
            self._tasks[progress.rebuild.id],
            description=f"{part.store} {part.type} {part.name} {progress.state}",
            completed=progress.done,
            total=max(progress.total, progress.done),
            rate=self._pace.rate(progress),
        )


def described(progress: Progress, rate: int) -> dict[str, Any]:
    """A step for JSON."""
    part = progress.rebuild.part
    return {
        "store": part.store,
        "type": part.type,
        "part": part.name,
        "state": progress.state,
        "events": progress.done,
        "total": max(progress.total, progress.done),
        "rate": rate,
        "refused": len(progress.refused),
        "unreadable_packs": len(progress.unreadable),
    }
