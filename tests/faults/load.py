"""Real HTTP load at a bounded rate, as SDKs send it; every id answered 202 is kept."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from bench.payloads import CrashSource

CRASH_BULK = 25
RUM_BULK = 10
SENDERS = 8
_MEAN_EVENTS = 0.5 + 0.25 * CRASH_BULK + 0.25 * RUM_BULK

Mark = Callable[[int], str | None]
"""The mark that the n-th crash of a load carries, if any: what a poisoned worker looks for."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request: its path, its body, and the marks of its events in order."""

    path: str
    body: bytes
    marks: tuple[str | None, ...]


@dataclass(slots=True)
class Sent:
    """What came of a load. ``unanswered`` events may be stored or not: nobody was told.
    ``failed_requests`` were refused or not answered.
    """

    crashes: list[str] = field(default_factory=list)
    rum: list[str] = field(default_factory=list)
    marked: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    failed_requests: int = 0

    @property
    def ids(self) -> list[str]:
        return self.crashes + self.rum


class Jobs:
    """Half single crashes, the rest bulks of crashes and of RUM, due at an even pace."""

    def __init__(self, rate: float, seed: int, mark: Mark) -> None:
        self._random = random.Random(seed)
        self._source = CrashSource(seed)
        self._mark = mark
        self._number = itertools.count(1)
        self._pause = _MEAN_EVENTS / rate
        self._due = time.monotonic()
        self._lock = threading.Lock()

    def next(self) -> tuple[Job, float]:
        """A job and the moment it is due. Time lost in a fault is not made up in a burst."""
        with self._lock:
            self._due = max(self._due + self._pause, time.monotonic() - self._pause)
            draw = self._random.random()
            if draw < 0.5:
                body, mark = self._crash()
                return Job("/entries", body, (mark,)), self._due
            if draw < 0.75:
                made = [self._crash() for _ in range(CRASH_BULK)]
                body = b"[" + b",".join(body for body, _ in made) + b"]"
                return Job("/entries/bulk", body, tuple(mark for _, mark in made)), self._due
            return Job("/events", self._rum(), (None,) * RUM_BULK), self._due

    def _crash(self) -> tuple[bytes, str | None]:
        body, mark = self._source.crash(), self._mark(next(self._number))
        return (
            body.replace(b'"machineName": "', b'"machineName": "%s ' % mark.encode(), 1)
            if mark
            else body
        ), mark

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
        self, web: str, key: str, *, rate: float, seed: int, mark: Mark = lambda _number: None
    ) -> None:
        self.sent = Sent()
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
                connection.request("POST", job.path, job.body, {"X-ApiKey": self._key})
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

    def _note(self, job: Job, answer: http.client.HTTPResponse) -> None:
        with self._lock:
            if answer.status != http.HTTPStatus.ACCEPTED:
                self.sent.refused[str(answer.status)] += len(job.marks)
                self.sent.failed_requests += 1
                return
            single = answer.headers.get("Sluice-Event-Id")
            ids = [single] if single else answer.headers["Sluice-Event-Ids"].split(",")
            (self.sent.rum if job.path == "/events" else self.sent.crashes).extend(ids)
            pairs = zip(ids, job.marks, strict=True)
            self.sent.marked.update((event_id, mark) for event_id, mark in pairs if mark)
