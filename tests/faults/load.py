"""Real HTTP load at a bounded rate, as SDKs send it; the id of each accepted event is kept."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
import urllib.parse
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from bench.payloads import CrashSource
from bench.telemetry import PointSource, SpanSource

CRASH_BULK = 25
RUM_BULK = 10
SENDERS = 8
ENVELOPE = "/api/1/envelope/"
AGAIN = 0.4
"""The share of Sentry's events that were sent before: as an SDK does that heard no answer."""
_LATELY = 50
_SHARES = {
    "/entries": 0.3,
    ENVELOPE: 0.1,
    "/entries/bulk": 0.2,
    "/events": 0.2,
    "/v1/traces": 0.1,
    "/v1/metrics": 0.1,
}
_MEAN_EVENTS = 0.6 + 0.2 * CRASH_BULK + 0.2 * RUM_BULK
_SUCCESS = {http.HTTPStatus.OK, http.HTTPStatus.ACCEPTED}

Mark = Callable[[int], str | None]
"""The mark that the n-th crash of a load carries, if any: what a poisoned worker looks for."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request: its path, its body, the marks of its events in order, and the id that its SDK
    gave its event, if any.
    """

    path: str
    body: bytes
    marks: tuple[str | None, ...]
    sdk_id: str | None = None


@dataclass(slots=True)
class Sent:
    """What came of a load. ``unanswered`` events may be stored or not: nobody was told.
    ``failed_requests`` were refused or not answered. ``by_sdk`` are our ids of each delivery that
    was accepted, by the id that the SDK gave the event: one event, however often it came.
    """

    crashes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    marked: dict[str, str] = field(default_factory=dict)
    by_sdk: dict[str, list[str]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    failed_requests: int = 0

    @property
    def ids(self) -> list[str]:
        return self.crashes + self.others


class Jobs:
    """Single crashes, bulks of crashes and of RUM, Sentry's events with a file each, some of them
    again, spans and points: due at an even pace.
    """

    def __init__(self, rate: float, seed: int, mark: Mark) -> None:
        self._random = random.Random(seed)
        self._source = CrashSource(seed)
        self._spans, self._points = SpanSource(seed), PointSource(seed)
        self._mark = mark
        self._lately: deque[tuple[str, bytes]] = deque(maxlen=_LATELY)
        self._number = itertools.count(1)
        self._pause = _MEAN_EVENTS / rate
        self._due = time.monotonic()
        self._lock = threading.Lock()

    def next(self) -> tuple[Job, float]:
        """A job and the moment it is due. Time lost in a fault is not made up in a burst."""
        with self._lock:
            self._due = max(self._due + self._pause, time.monotonic() - self._pause)
            (path,) = self._random.choices(tuple(_SHARES), tuple(_SHARES.values()))
            return self._job(path), self._due

    def _job(self, path: str) -> Job:
        if path == "/entries":
            body, mark = self._crash()
            return Job(path, body, (mark,))
        if path == "/entries/bulk":
            made = [self._crash() for _ in range(CRASH_BULK)]
            body = b"[" + b",".join(body for body, _ in made) + b"]"
            return Job(path, body, tuple(mark for _, mark in made))
        if path == ENVELOPE:
            sdk_id, body = self._envelope()
            return Job(path, body, (None,), sdk_id)
        if path == "/events":
            return Job(path, self._rum(), (None,) * RUM_BULK)
        source = self._spans if path == "/v1/traces" else self._points
        return Job(path, source.body(), (None,))

    def _crash(self) -> tuple[bytes, str | None]:
        body, mark = self._source.crash(), self._mark(next(self._number))
        return (
            body.replace(b'"machineName": "', b'"machineName": "%s ' % mark.encode(), 1)
            if mark
            else body
        ), mark

    def _envelope(self) -> tuple[str, bytes]:
        """An event of Sentry's with a file, or one that was sent lately, byte for byte."""
        if self._lately and self._random.random() < AGAIN:
            return self._random.choice(self._lately)
        sdk_id = f"{self._random.getrandbits(128):032x}"
        error = {"type": "ShopError", "value": f"order {self._random.randrange(10**6)} failed"}
        event = json.dumps({"event_id": sdk_id, "exception": {"values": [error]}}).encode()
        file = f"log of {sdk_id}".encode()
        lines = [b"{}"]
        for kind, payload in (("event", event), ("attachment", file)):
            told = {"type": kind, "length": len(payload), "filename": "app.log"}
            lines += [json.dumps(told).encode(), payload]
        self._lately.append((sdk_id, b"\n".join(lines)))
        return self._lately[-1]

    def _rum(self) -> bytes:
        items: list[dict[str, Any]] = [
            {
                "timestamp": "2026-01-01T00:00:00Z",
                "sessionId": f"session-{self._random.randrange(10**6)}",
                "type": "session_start",
                "user": {"identifier": f"user-{self._random.randrange(5000)}"},
                "version": "4.2.0",
            }
            for _ in range(RUM_BULK)
        ]
        return json.dumps({"eventData": items}).encode()


class Load:
    """Sends from when it is entered until it is left; then ``sent`` says what came of it."""

    def __init__(
        self,
        web: str,
        key: str,
        public_key: str,
        *,
        rate: float,
        seed: int,
        mark: Mark = lambda _number: None,
    ) -> None:
        self.sent = Sent()
        self._public_key = public_key
        self._address = urllib.parse.urlsplit(web).netloc
        self._key = key
        self._jobs = Jobs(rate, seed, mark)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._senders = [
            threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)
        ]

    def __enter__(self) -> Load:
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for sender in self._senders:
            sender.join()

    def _send_all(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        while not self._ended.is_set():
            job, due = self._jobs.next()
            if self._ended.wait(max(0.0, due - time.monotonic())):
                break
            try:
                connection.request("POST", job.path, job.body, self._headers(job.path))
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                with self._lock:
                    self.sent.unanswered += len(job.marks)
                    self.sent.failed_requests += 1
            else:
                self._note(job, answer)
        connection.close()

    def _headers(self, path: str) -> dict[str, str]:
        if path == ENVELOPE:
            return {"X-Sentry-Auth": f"Sentry sentry_key={self._public_key}"}
        kind = "application/x-protobuf" if path.startswith("/v1/") else "application/json"
        return {"X-ApiKey": self._key, "Content-Type": kind}

    def _note(self, job: Job, answer: http.client.HTTPResponse) -> None:
        with self._lock:
            if answer.status not in _SUCCESS:
                self.sent.refused[str(answer.status)] += len(job.marks)
                self.sent.failed_requests += 1
                return
            single = answer.headers.get("Sluice-Event-Id")
            ids = [single] if single else answer.headers["Sluice-Event-Ids"].split(",")
            if job.sdk_id is not None:
                self.sent.by_sdk.setdefault(job.sdk_id, []).extend(ids)
            crashes = job.path.startswith("/entries")
            (self.sent.crashes if crashes else self.sent.others).extend(ids)
            pairs = zip(ids, job.marks, strict=True)
            self.sent.marked.update((event_id, mark) for event_id, mark in pairs if mark)
