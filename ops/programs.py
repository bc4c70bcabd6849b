"""A program to run: what the supervisor, the tests and the Procfile all speak of."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ops.home import Home, write_private
from ops.paths import CHECKOUT


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised program. ``environment`` is added to what it inherits.

    ``stop_signal`` asks it to end and ``stop_seconds`` later it is killed with its group.
    """

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path = CHECKOUT
    stop_signal: str = "TERM"
    stop_seconds: int = 30
    queues: tuple[str, ...] = ()


def launcher_argv(home: Home, program: Program) -> list[str]:
    """Write the program's launch sheet into the home and return the command that runs it."""
    sheet = home.run / f"{program.name}.json"
    write_private(
        sheet,
        json.dumps(
            {
                "argv": program.argv,
                "environment": program.environment,
                "directory": str(program.directory),
                "stop_signal": program.stop_signal,
                "stop_seconds": program.stop_seconds,
                "sighting": str(sighting_path(home, program.name)),
            }
        ),
    )
    return [sys.executable, "-P", "-m", "ops.supervision.launch", str(sheet)]


def sighting_path(home: Home, name: str) -> Path:
    """Where the launcher writes down which process it became."""
    return home.run / f"{name}.pid"
