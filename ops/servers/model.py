"""What every embedded server's module says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.home import Home
from ops.programs import Program


@dataclass(frozen=True, slots=True)
class Site:
    """Where servers live: a home, its ports and secrets, and the cache of downloads."""

    home: Home
    cache: Path
    ports: dict[str, int]
    secrets: dict[str, str]
    say: Callable[[str], None]

    def data(self, name: str) -> Path:
        return self.home.data / name


@dataclass(frozen=True, slots=True)
class Server:
    """One embedded server.

    ``replaced_by`` is the variable whose address makes it unneeded. ``prepare`` makes its data
    and configuration, and may be repeated. ``environment`` gives clients its address.
    ``trouble`` says why it cannot be used yet, or ``None`` when it is ready.
    """

    name: str
    replaced_by: str
    ports: tuple[str, ...]
    prepare: Callable[[Site], None]
    program: Callable[[Site], Program]
    environment: Callable[[Site], dict[str, str]]
    trouble: Callable[[Site], str | None]
