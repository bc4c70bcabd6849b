"""Notes the requests that are refused, in the background, for the page of setting up an SDK.

Noting is a look at a dictionary: a flood of refusals is told as one kind with a count, once a
second. What cannot be told is forgotten: it is for people, and nothing depends on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from broker.refusals import Kind, Noted, Refusals
from config.settings import Settings
from events.ids import Clock, now_ms
from storage.errors import StoreDown

PAUSE_SECONDS = 1.0
ANSWER_SECONDS = 0.5
MOST_WAITING = 1000
"""Kinds of refusals that wait to be told, of all projects; further ones are forgotten."""

_log = structlog.get_logger(__name__)

_Waiting = dict[tuple[int | None, Kind], Noted]


class RefusalLog:
    """Thread-safe. Its thread starts with the first refusal, and is a daemon."""

    def __init__(
        self,
        refusals: Refusals,
        clock: Clock = now_ms,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._refusals = refusals
        self._clock = clock
        self._pause = pause or threading.Event().wait
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._waiting: _Waiting = {}
        self._thread: threading.Thread | None = None

    def note(
        self, project_id: int | None, kind: Kind, status: int, message: str, sender: str
    ) -> None:
        """Note a refused request of a project, or with a null of nobody's key."""
        at, place = self._clock(), (project_id, kind)
        with self._lock:
            before = self._waiting.get(place)
            if before is None and len(self._waiting) >= MOST_WAITING:
                return
            count = 1 if before is None else before.count + 1
            self._waiting[place] = Noted(status, message, sender, at, count)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="sluice-refusals", daemon=True
                )
                self._thread.start()
            self._wake.notify()

    def tell(self) -> None:
        """Tell the broker what waits, or forget it."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for project_id in {place[0] for place in waiting}:
            noted = {kind: one for (number, kind), one in waiting.items() if number == project_id}
            try:
                self._refusals.note(project_id, noted)
            except StoreDown as error:
                _log.warning("refusals_not_noted", project=project_id, reason=error.detail)
                return

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting)
            try:
                self.tell()
            except Exception:  # a bug must not end the thread
                _log.exception("refusals_not_noted")
            self._pause(PAUSE_SECONDS)


def open_refusal_log(settings: Settings) -> RefusalLog:
    """The log of a web process; opens no connection before it is used."""
    return RefusalLog(Refusals(settings.redis_url, timeout=ANSWER_SECONDS))
