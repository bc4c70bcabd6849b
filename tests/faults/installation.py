"""A whole Sluice used from outside, as an operator would: its command line, signals and HTTP."""

from __future__ import annotations

import contextlib
import http
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

CHECKOUT = Path(__file__).resolve().parents[2]
_COMMAND_SECONDS = 300


class Installation:
    """``./sluice`` in a home of its own; ``environment`` is what ``up`` is told besides."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.status: dict[str, Any] = {}
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SLUICE_", "PYTHONPATH")) or name == "SLUICE_CACHE"
        }
        own = {"SLUICE_HOME": str(home), "SLUICE_WEB_PORT": "0"}
        self._environment = {**kept, **own, **environment}

    def run(self, *arguments: str) -> str:
        """``./sluice`` with these arguments, which must exit 0; its standard output."""
        done = subprocess.run(
            [str(CHECKOUT / "sluice"), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"./sluice {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return done.stdout

    def refresh(self) -> dict[str, Any]:
        """The status, asked for anew."""
        self.status = json.loads(self.run("status", "--json"))
        return self.status

    def up(self) -> None:
        self.run("up", "--detach")
        self.refresh()

    def process(self, name: str) -> dict[str, Any]:
        """What the status says now of one process or server."""
        return next(item for item in self.refresh()["processes"] if item["name"] == name)

    def tree(self, name: str) -> list[int]:
        """The process ids of a process, its parent first."""
        item = self.process(name)
        return [item["pid"], *item["children"]] if item["pid"] else []

    def kill(self, name: str) -> None:
        """SIGKILL a process and its children; the supervisor starts it again."""
        send(self.tree(name), signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """SIGSTOP a process and its children, and let them go on afterwards."""
        pids = self.tree(name)
        send(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            send(reversed(pids), signal.SIGCONT)

    @contextlib.contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """Stop processes or servers, and start them afterwards."""
        self.run("stop", *names)
        try:
            yield
        finally:
            self.run("start", *names)

    def own_environment(self) -> dict[str, str]:
        """``SLUICE_*`` for a process that is started beside the supervised ones."""
        status, s3 = self.status, self.status["s3"]
        return {
            **self._environment,
            "SLUICE_REDIS_URL": status["redis"],
            "SLUICE_POSTGRES_DSN": status["postgres"],
            "SLUICE_ELASTICSEARCH_URL": status["elasticsearch"],
            "SLUICE_S3_ENDPOINT": s3["endpoint"],
            "SLUICE_S3_BUCKET": s3["bucket"],
            "SLUICE_S3_ACCESS_KEY": s3["access_key"],
            "SLUICE_S3_SECRET_KEY": s3["secret_key"],
            "SLUICE_S3_REGION": s3["region"],
            "PATH": f"{CHECKOUT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
        }

    def get(self, path: str) -> dict[str, Any]:
        """An answer of the API; raises ``OSError`` while it gives none."""
        request = urllib.request.Request(
            self.status["web"] + path, headers={"Authorization": f"Bearer {self.status['token']}"}
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            return dict(json.load(answer))


def send(pids: Iterator[int] | list[int], number: signal.Signals) -> None:
    """A signal to each of the processes that still are."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def alive(pid: int) -> bool:
    """Whether a process runs: a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def answers_http(url: str) -> bool:
    """Whether a web instance is alive."""
    with urllib.request.urlopen(f"{url}/health/live", timeout=5) as answer:
        return bool(answer.status == http.HTTPStatus.OK)


def wait_until(done: Callable[[], Any], seconds: float, what: str) -> None:
    """Poll until ``done``; fails the test at the deadline. Polled HTTP may fail meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if done():
                return
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)
