"""The file server as a process of its own, on a free port, over the tests' stores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import httpx
import psutil

from config.settings import PREFIX, Secret, SecretList, Settings
from ops.paths import CHECKOUT
from ops.ports import keep_or_choose

START_SECONDS = 90


def environment(settings: Settings) -> dict[str, str]:
    """``SLUICE_*`` that give a process these settings."""
    found = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        if isinstance(value, SecretList):
            value = ",".join(secret.reveal() for secret in value)
        found[PREFIX + item.name.upper()] = (
            value.reveal() if isinstance(value, Secret) else str(value)
        )
    return found


@dataclass
class FilesProcess:
    url: str
    parent: subprocess.Popen[bytes]

    def worker(self) -> psutil.Process:
        """The process that serves."""
        return max(
            psutil.Process(self.parent.pid).children(recursive=True),
            key=lambda child: child.memory_info().rss,
        )

    def signal(self, number: int) -> None:
        """To the parent first, so that it does not replace what is killed."""
        children = psutil.Process(self.parent.pid).children(recursive=True)
        self.parent.send_signal(number)
        for child in children:
            child.send_signal(number)


@contextmanager
def running_files(settings: Settings, log: Path, **more: str) -> Iterator[FilesProcess]:
    """Start it as the Procfile does, and end it after the test."""
    port = keep_or_choose(["files"], {})["files"]
    line = next(
        line for line in (CHECKOUT / "Procfile").read_text().splitlines() if line[:6] == "files:"
    )
    environ = {
        **os.environ,
        **environment(settings),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "SLUICE_FILES_PORT": str(port),
        **more,
    }
    with log.open("wb") as output:
        parent = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {line.removeprefix('files:')}"],
            cwd=CHECKOUT,
            env=environ,
            stdout=output,
            stderr=output,
        )
    process = FilesProcess(f"http://127.0.0.1:{port}", parent)
    try:
        _await(process, log)
        yield process
    finally:
        _end(process)


def _end(process: FilesProcess) -> None:
    if process.parent.poll() is not None:
        return  # the test killed it
    process.signal(signal.SIGCONT)
    process.parent.terminate()
    try:
        process.parent.wait(60)
    finally:
        process.parent.kill()


def _await(process: FilesProcess, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.parent.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        try:
            if httpx.get(f"{process.url}/health/live", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
