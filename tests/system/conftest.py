"""A whole Sluice of the test run's own, started as a person would: with ``./sluice up``.

Nothing here or beside it imports anything of the project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 240


@dataclass
class Sluice:
    """The running installation: its status document, its command line, and HTTP clients."""

    home: Path
    status: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """``./sluice`` with these arguments in this home; ``more`` is environment."""
        return run_sluice(self.home, *arguments, **more)

    def succeed(self, *arguments: str, **more: str) -> str:
        """The same, failing the test unless it exits 0; gives its standard output."""
        done = self.run(*arguments, **more)
        assert done.returncode == 0, f"./sluice {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def refresh(self) -> dict[str, Any]:
        """Ask for the status anew."""
        self.status = json.loads(self.succeed("status", "--json"))
        return self.status

    def process(self, name: str) -> dict[str, Any]:
        """What the status says now of one process."""
        return next(item for item in self.refresh()["processes"] if item["name"] == name)

    def sender(self) -> httpx.Client:
        """Sends as an SDK does, with the key of project demo."""
        key = self.status["project"]["key"]
        return httpx.Client(base_url=self.status["web"], headers={"X-ApiKey": key}, timeout=30)

    def reader(self) -> httpx.Client:
        """Reads the API with the operator's token."""
        headers = {"Authorization": f"Bearer {self.status['token']}"}
        return httpx.Client(base_url=self.status["web"], headers=headers, timeout=30)


def run_sluice(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """``./sluice`` with these arguments in a home of its own, and servers of its own."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SLUICE_", "PYTHONPATH")) or name == "SLUICE_CACHE"
    }
    environ.update({"SLUICE_HOME": str(home), "SLUICE_WEB_PORT": "0"}, **more)
    return subprocess.run(
        [str(CHECKOUT / "sluice"), *arguments],
        env=environ,
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


@pytest.fixture(scope="session")
def sluice(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Sluice]:
    """One installation for the whole run; a test that stops a part of it starts it again."""
    running = Sluice(tmp_path_factory.mktemp("sluice") / "home")
    try:
        running.succeed("up", "--detach")
        running.refresh()
        yield running
    finally:
        if request.session.testsfailed:
            sys.stdout.write(_last_words(running.home / "logs"))
        running.succeed("down")


def _last_words(logs: Path, lines: int = 25) -> str:
    """The ends of the logs, for whoever must find out why a test failed."""
    parts = []
    for path in sorted(logs.glob("*.log")):
        tail = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        parts.append("\n".join([f"--- {path.name}", *(line[:500] for line in tail)]))
    return "\n".join(parts)
