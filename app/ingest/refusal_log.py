"""Notes the requests that are refused, for the page of setting up an SDK.

Noting is a look at a dictionary: a flood of refusals is told as one kind with a count, once a
round. What cannot be told is forgotten: it is for people, and nothing depends on it.
"""

from __future__ import annotations

import threading

from broker.refusals import Kind, Noted, Refusals
from config.settings import Settings
from events.ids import Clock, now_ms

ANSWER_SECONDS = 0.5
MOST_WAITING = 1000
"""Kinds of refusals that wait to be told, of all projects; further ones are forgotten."""

_Waiting = dict[tuple[int | None, Kind], Noted]


class RefusalLog:
    """Thread-safe."""

    def __init__(self, refusals: Refusals, clock: Clock = now_ms) -> None:
        self._refusals = refusals
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: _Waiting = {}

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

    def tell(self) -> None:
        """Tell the broker what waits; raises :class:`StoreDown`, and what waited is forgotten."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for project_id in {place[0] for place in waiting}:
            noted = {kind: one for (number, kind), one in waiting.items() if number == project_id}
            self._refusals.note(project_id, noted)


def open_refusal_log(settings: Settings) -> RefusalLog:
    """The log of a web process; opens no connection before it is used."""
    return RefusalLog(Refusals(settings.redis_url, timeout=ANSWER_SECONDS))
