"""A replay of dead letters: what it is, how fast it may go, and when it is over. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

ACTIVE = ("canary", "sending", "settling")

#: States of a replay's letters. Waiting and claimed ones are still to be sent, sent ones have a
#: fate to come, the others have it.
STATES = ("waiting", "claimed", "sent", "stored", "dead", "discarded", "skipped")

#: Events a second.
DEFAULT_RATE = 50.0
MIN_RATE = 0.1
MAX_RATE = 5_000.0

MAX_CANARY = 1_000

_BURST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay with how many of its letters are in each state. ``rate`` is in events a second;
    ``canary`` letters go first, and their fate decides about the rest. ``project_id`` is null for
    a replay that may have letters of any project. ``why`` it was asked for, and the ``reason`` it
    ended, are words for people.
    """

    id: UUID
    at: datetime
    actor: str
    selection: dict[str, Any]
    rate: float
    canary: int
    status: str
    reason: str | None
    finished_at: datetime | None
    counts: Mapping[str, int] = field(default_factory=dict)
    project_id: int | None = None
    why: str | None = None

    @property
    def active(self) -> bool:
        """Whether there is still something to do or to wait for."""
        return self.status in ACTIVE

    @property
    def can_send(self) -> bool:
        """Whether letters wait for nothing but the rate."""
        free = self.status == "sending" or (self.status == "canary" and self.canaries_left > 0)
        return free and self.count("waiting") > 0

    def count(self, *states: str) -> int:
        """Letters in any of these states; all of them when none is named."""
        return sum(self.counts.get(state, 0) for state in states or STATES)

    @property
    def canaries_left(self) -> int:
        """How many canaries may still be sent."""
        gone = self.count("claimed", "sent", "stored", "dead", "discarded")
        return max(0, self.canary - gone)


def next_status(replay: Replay) -> tuple[str, str | None]:
    """The status that follows from the counts, and why a replay stopped."""
    status = replay.status
    if status == "canary":
        died = replay.count("dead", "discarded")
        if died:
            return "stopped", f"{died} of {replay.canary} canaries died again"
        if replay.count("claimed", "sent") or (replay.canaries_left and replay.count("waiting")):
            return "canary", None
        status = "sending"
    if status == "sending" and not replay.count("waiting", "claimed"):
        status = "settling"
    if status == "settling" and not replay.count("sent", "claimed"):
        status = "finished"
    return status, replay.reason


def allowance(rate: float, paced_at: datetime, now: datetime, most: int) -> tuple[int, datetime]:
    """How many events may be sent now, and up to when the rate is used up once they are.

    What was not sent in the last second (or the time of one event) is not made up for.
    """
    burst = timedelta(seconds=max(_BURST_SECONDS, 1 / rate))
    since = max(paced_at, now - burst)
    events = max(0, min(most, int((now - since).total_seconds() * rate + 1e-6)))
    return events, since + timedelta(seconds=events / rate)
