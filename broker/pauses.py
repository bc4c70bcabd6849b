"""The switch of a queue: why it is paused, and an operator's hand on it.

One key serves all: a stage that met an outage pauses its queue for seconds, one that would
dead-letter most of its events and an operator pause it until an operator resumes it. An
operator's pause replaces an outage's, and an outage never touches an operator's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from broker import scripts
from broker.connection import broker_errors, connect
from broker.flood import AMNESTY_SECONDS
from config.policy import QUEUES
from config.settings import Secret
from events.ids import Clock, now_ms

Kind = Literal["operator", "flood", "outage"]
MAX_REASON_CHARS = 300

_OPERATOR, _FLOOD = "operator: ", "flood: "


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a queue is paused. ``seconds_left`` is null for a pause that only an operator ends."""

    kind: Kind
    reason: str
    seconds_left: float | None

    @property
    def summary(self) -> str:
        """What may be shown to anybody: no address, and nothing that came with an event."""
        if self.kind == "operator":
            return self.reason
        return "flood" if self.kind == "flood" else f"outage: {self.reason.partition(':')[0]}"


def read_pause(value: bytes | None, milliseconds_left: int) -> Pause | None:
    """A pause as its key tells it; -1 milliseconds is one without end, -2 none at all."""
    if value is None or milliseconds_left == -2:
        return None
    reason = value.decode("utf-8", "replace")
    kind: Kind = "outage"
    if reason.startswith(_OPERATOR):
        kind = "operator"
    elif reason.startswith(_FLOOD):
        kind = "flood"
    left = milliseconds_left / 1000 if milliseconds_left >= 0 else None
    return Pause(kind, reason, left)


class Pauses:
    """Operators pause and resume queues here; also while the broker is out of memory.

    Methods raise :class:`StoreDown`, and ``KeyError`` for a queue that the policy table has not.
    """

    def __init__(self, redis_url: Secret, *, timeout: float, clock: Clock = now_ms) -> None:
        self._client = connect(redis_url, timeout=timeout)
        self._clock = clock

    def pause(self, queue: str, actor: str, reason: str) -> None:
        """Hand out nothing of a queue until it is resumed; what is in work goes on to its end.

        Repeating it replaces the reason. It also takes back what a resume allowed the stage.
        """
        at = datetime.fromtimestamp(self._clock() // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = f"{_OPERATOR}{reason[:MAX_REASON_CHARS] or 'no reason given'} ({actor}, {at})"
        with broker_errors():
            scripts.run(self._client, "pause", QUEUES[queue].queue, text.encode("utf-8", "replace"))

    def resume(self, queue: str, *, accept_dead_letters: bool = False) -> str | None:
        """Hand out again, whoever paused; returns what the pause said, null when there was none.

        With ``accept_dead_letters`` the stage may dead-letter whatever it will for the next
        ``AMNESTY_SECONDS``; without, a flood that goes on pauses the queue again.
        """
        seconds = AMNESTY_SECONDS if accept_dead_letters else 0
        with broker_errors():
            held = scripts.run(self._client, "resume", QUEUES[queue].queue, seconds)
        return None if held is None else held.decode("utf-8", "replace")
