"""Requests as bytes: nothing is added, corrected or followed, as an SDK's own client would."""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        value = self.headers[name]
        assert value is not None, f"no {name} in {self.headers.items()}"
        return value


@dataclass(frozen=True)
class Web:
    """The web tier at an address, with the key of a project and an API token."""

    url: str
    key: str
    token: str

    def send(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
        chunks: Iterable[int] | None = None,
    ) -> Answer:
        """One request with exactly these headers, and Host; ``chunks`` are sizes to send in."""
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", parts.netloc)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            for block in [body] if chunks is None else _framed(body, chunks):
                connection.send(block)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def post(
        self, target: str, body: bytes, *more: tuple[str, str], key: str | None = ""
    ) -> Answer:
        """A body with its length and, unless ``key`` is None, a key: the project's by default."""
        named = [] if key is None else [("X-ApiKey", key or self.key)]
        return self.send("POST", target, body, [("Content-Length", str(len(body))), *named, *more])

    def read(self, target: str) -> Answer:
        """GET with the API token."""
        return self.send("GET", target, headers=[("Authorization", f"Bearer {self.token}")])

    def stages(self, event_id: str) -> dict[str, Any]:
        """How far an event has come: each stage's part of its receipt."""
        answer = self.read(f"/api/v1/receipts/{event_id}")
        assert answer.status == 200, answer.body
        return {stage: answer.json()[stage] for stage in ("files", "sql", "search")}

    def await_stored(self, ids: Iterable[str], seconds: float = 60) -> None:
        """Return when every event has reached all stores; fails at the deadline."""
        waiting = list(ids)
        wait_until(lambda: not _not_stored(self, waiting), seconds, lambda: str(waiting[:5]))

    def event(self, event_id: str) -> dict[str, Any]:
        answer = self.read(f"/api/v1/events/{event_id}")
        assert answer.status == 200, answer.body
        picture: dict[str, Any] = answer.json()
        return picture

    def raw_redacted(self, event_id: str) -> tuple[bytes, int]:
        """The stored bytes of an event, and how many places of them were blanked before."""
        answer = self.read(f"/api/v1/events/{event_id}/raw")
        assert answer.status == 200, answer.body
        return answer.body, int(answer.headers["Sluice-Redacted"] or 0)

    def raw(self, event_id: str) -> bytes:
        answer = self.read(f"/api/v1/events/{event_id}/raw")
        assert answer.status == 200, answer.body
        return answer.body


def open_web(status: dict[str, Any]) -> Web:
    """The web tier that ``./sluice status --json`` tells of."""
    return Web(status["web"], status["project"]["key"], status["token"])


def _not_stored(web: Web, waiting: list[str]) -> list[str]:
    """Drop from ``waiting`` what is stored; what a stage gave up on fails at once."""
    for event_id in list(waiting):
        stages = web.stages(event_id)
        dead = {stage: fate for stage, fate in stages.items() if isinstance(fate, dict)}
        assert not dead, f"{event_id} was dead-lettered: {dead}"
        if not all(stages.values()):
            break
        waiting.remove(event_id)
    return waiting


def _framed(body: bytes, sizes: Iterable[int]) -> Iterable[bytes]:
    at = 0
    for size in sizes:
        yield b"%x\r\n%b\r\n" % (size, body[at : at + size])
        at += size
    yield b"0\r\n\r\n"


def wait_until(
    done: Callable[[], bool], seconds: float, state: Callable[[], str] = lambda: ""
) -> None:
    """Poll until ``done``; fails at the deadline, telling the ``state``."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s: {state()}"
        time.sleep(0.1)
