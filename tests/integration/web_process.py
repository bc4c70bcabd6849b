"""A web process under granian, and the requests to talk to it with."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, fields

from config.settings import Secret, Settings
from ops.paths import CHECKOUT
from ops.ports import keep_or_choose

KEY = "aB+/c3de==fgh0"
DEADLINE = 120.0
AS_RSGI = ("--interface", "rsgi", "app.serving:web")
AS_WSGI = ("--interface", "wsgi", "--blocking-threads", "8", "app.factory:create")


@dataclass(frozen=True)
class Lane:
    """A granian process and where it listens."""

    process: subprocess.Popen[bytes]
    port: int

    def talk(self, request: bytes, *, close: bool = False) -> bytes:
        """The whole answer to a request that asks to close; ``close`` ends our side at once."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as sender:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sender.sendall(request)  # a server that refuses need not read it all
            if close:
                sender.shutdown(socket.SHUT_WR)
            parts = []
            while part := sender.recv(1 << 16):
                parts.append(part)
        return b"".join(parts)


def environment(settings: Settings, port: int) -> dict[str, str]:
    values = {item.name: getattr(settings, item.name) for item in fields(Settings)}
    named = {
        f"SLUICE_{name.upper()}": value.reveal() if isinstance(value, Secret) else str(value)
        for name, value in values.items()
    }
    # The same seed, since the order of Allow is that of a set.
    own = {"SLUICE_WEB_PORT": str(port), "PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": "1"}
    return {**os.environ, **named, **own}


def start(settings: Settings, arguments: tuple[str, ...]) -> Lane:
    port = keep_or_choose(["web"], {})["web"]
    argv = [sys.executable, "-m", "granian", "--http", "1", "--no-ws", "--factory"]
    argv += ["--port", str(port), *arguments]
    lane = Lane(subprocess.Popen(argv, cwd=CHECKOUT, env=environment(settings, port)), port)
    deadline = time.monotonic() + DEADLINE
    while not _lives(lane):
        assert lane.process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.1)
    return lane


def _lives(lane: Lane) -> bool:
    try:
        return b" 200 " in lane.talk(request("GET", "/health/live"))
    except OSError:
        return False


Headers = tuple[tuple[str, str], ...]


def request(
    method: str, target: str, body: bytes | None = None, headers: Headers = (), key: str = KEY
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: sluice.test", "Connection: close"]
    lines += [f"X-ApiKey: {key}"] * bool(key)
    lines += [f"Content-Length: {len(body)}"] if body is not None else []
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
