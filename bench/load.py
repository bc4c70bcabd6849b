"""Load over HTTP by wrk: one thread of C, so that what is measured is the server and not the load.

``wrk`` is Debian's package of that name.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("load.lua")
_SLACK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Load:
    """What a load met. ``refused``: answers other than 2xx; ``broken``: connections."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Requests answered 2xx a second."""
        return (self.requests - self.refused) / self.seconds


JSON = "application/json"


def http_request(path: str, body: bytes, key: str, kind: str = JSON) -> bytes:
    """One request as bytes on a connection that stays open."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-ApiKey: {key}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def write_requests(path: Path, requests: Iterable[bytes]) -> Path:
    """A file of requests as the script reads it."""
    with path.open("wb") as file:
        for request in requests:
            file.write(len(request).to_bytes(4, "big") + request)
    return path


def start_load(
    url: str, requests: Path, *, seconds: int, connections: int = 64, rate: int = 0
) -> subprocess.Popen[str]:
    """Begin to send; :func:`finish_load` waits for its end."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("bench: wrk makes the load and was not found: install it (Debian: wrk)")
    argv = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    argv += ["-s", str(_SCRIPT), url, "--", str(requests), str(rate)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish_load(running: subprocess.Popen[str], seconds: int) -> Load:
    """What the load met; raises ``RuntimeError`` with its words when it did not run."""
    text, _ = running.communicate(timeout=seconds + _SLACK_SECONDS)
    for line in text.splitlines():
        if line.startswith("RESULT "):
            return Load(**json.loads(line.removeprefix("RESULT ")))
    raise RuntimeError(f"wrk did not finish: {text.strip()[-2000:]}")


def run_load(
    url: str, requests: Path, *, seconds: int, connections: int = 64, rate: int = 0
) -> Load:
    """Send for some seconds and wait for the end."""
    running = start_load(url, requests, seconds=seconds, connections=connections, rate=rate)
    return finish_load(running, seconds)
