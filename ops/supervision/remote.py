"""The running supervisor, spoken to over its socket in the home."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from ops.errors import OpsError
from ops.home import Home
from ops.paths import CHECKOUT
from ops.programs import Program, launcher_argv
from ops.supervision.configuration import configuration_path

#: Linux allows 107 characters in a socket's path, and the supervisor adds a suffix for a while.
LONGEST_SOCKET_PATH = 90
_ALREADY = 60, 70  # faults ALREADY_STARTED and NOT_RUNNING: what was asked for is so


@dataclass(frozen=True, slots=True)
class Running:
    """A process as the supervisor sees it; ``pid`` is 0 when there is none."""

    name: str
    state: str
    pid: int


class Supervisor:
    """Remote control of the supervisor behind a socket; not thread-safe."""

    def __init__(self, socket: str) -> None:
        self._transport: Any = SupervisorTransport(None, None, f"unix://{socket}")
        self._remote: Any = xmlrpc.client.ServerProxy("http://sluice", transport=self._transport)

    def answers(self) -> bool:
        """Whether it runs."""
        try:
            self._remote.supervisor.getState()
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            self._transport.close()  # else it would keep the socket that failed to connect
            return False
        return True

    def processes(self) -> list[Running]:
        """Every process, in the order of their names."""
        return [
            Running(item["name"], item["statename"].lower(), item["pid"])
            for item in self._remote.supervisor.getAllProcessInfo()
        ]

    def start(self, names: Iterable[str]) -> None:
        """Ask to start them; those that run already go on."""
        for name in names:
            self._ask(self._remote.supervisor.startProcess, name)

    def stop(self, names: Iterable[str]) -> None:
        """Ask to stop them all at once, and wait until they are."""
        wanted = set(names)
        for name in wanted:
            self._ask(self._remote.supervisor.stopProcess, name)
        while any(item.name in wanted and item.pid for item in self.processes()):
            time.sleep(0.05)

    def shut_down(self) -> None:
        """Ask the supervisor to end; it ends every process first."""
        self._remote.supervisor.shutdown()

    def _ask(self, method: Callable[[str, bool], object], name: str) -> None:
        try:
            method(name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode not in _ALREADY:
                raise OpsError(f"{name}: {fault.faultString}") from fault


def choose_socket(home: Home, kept: str) -> str:
    """Where its socket lies: in the home, or in a short private folder when that path is long."""
    own = home.run / "supervisor.sock"
    if len(str(own)) <= LONGEST_SOCKET_PATH:
        return str(own)
    if kept and Path(kept).parent.is_dir():
        return kept
    return str(Path(tempfile.mkdtemp(prefix="sluice-")) / "supervisor.sock")


def start_supervisor(home: Home, socket: str, patience: float = 15.0) -> Supervisor:
    """Start it on its configuration file; raises :class:`OpsError` when it does not answer."""
    argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration_path(home))]
    program = Program("supervisord", tuple(argv), directory=home.root, stop_seconds=20)
    with (home.logs / "supervisord.out").open("ab") as log:
        child = subprocess.Popen(
            launcher_argv(home, program),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )
    supervisor = Supervisor(socket)
    deadline = time.monotonic() + patience
    while not supervisor.answers():
        if child.poll() is not None or time.monotonic() > deadline:
            raise OpsError(f"the supervisor did not start: see {home.logs}/supervisord.out")
        time.sleep(0.05)
    return supervisor
