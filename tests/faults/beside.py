"""Processes that run beside the supervised ones: a second web instance, a worker of the test's."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.faults.installation import CHECKOUT, Installation, answers_http, wait_until

_WEB_DEFAULTS = {"SLUICE_WEB_HOST": "127.0.0.1", "SLUICE_WEB_THREADS": "32"}


class Beside:
    """One such process, in a process group of its own, with a log in the home."""

    def __init__(
        self,
        sluice: Installation,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        self._command = command
        self._environment = {**sluice.own_environment(), **environment}
        self._log = sluice.home / "logs" / f"{name}.log"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                list(self._command),
                cwd=CHECKOUT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 40) -> None:
        """Signal the parent, wait for it, and kill what it leaves."""
        if self._child is None:
            return
        self._child.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the whole group."""
        if self._child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        self._child = None


class WebInstance(Beside):
    """A second instance of the web tier, by the very command of the Procfile."""

    def __init__(self, sluice: Installation, name: str, **environment: str) -> None:
        self.port = free_port()
        own = {**_WEB_DEFAULTS, "SLUICE_WEB_WORKERS": "1", "SLUICE_WEB_PORT": str(self.port)}
        command = _procfile_command("web")
        super().__init__(sluice, name, ["/bin/sh", "-c", f"exec {command}"], own | environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        wait_until(lambda: answers_http(self.url), 60, "the second web instance answers")


@contextlib.contextmanager
def running(process: Beside) -> Iterator[None]:
    """Start it, and end it afterwards."""
    process.start()
    try:
        yield
    finally:
        process.end()


def worker_command(module: str, *queues: str) -> list[str]:
    """Celery's command for a pool on a worker module of the tests."""
    python = str(CHECKOUT / ".venv" / "bin" / "python")
    argv = [python, "-m", "celery", "--app", f"{module}:app", "worker", "--concurrency", "2"]
    argv += ["--queues", ",".join(queues), "--hostname", f"{module.rpartition('.')[2]}@%h"]
    return [*argv, "--without-gossip", "--without-mingle"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def needed_program(name: str) -> str:
    """A program's path; a Debian package that is missing fails the test."""
    folders = ":".join(("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"))
    found = shutil.which(name) or shutil.which(name, path=folders)
    assert found, f"{name} is needed: install it (Debian: apt-get install {name})"
    return found


def _procfile_command(name: str) -> str:
    for line in Path(CHECKOUT / "Procfile").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    raise AssertionError(f"the Procfile has no {name}")
