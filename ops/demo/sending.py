"""Sends the story through the real pipeline, as fast as the workers keep up with."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from broker.client import Broker
from broker.load import Load
from events.envelope import Envelope
from events.ids import Clock, new_id, now_ms
from ops.demo.script import Told
from ops.errors import OpsError

#: Events of a message, as an SDK's bulk request may hold.
BATCH = 500
#: Events that wait for workers at the most: no more than they take in some seconds.
MOST_WAITING = 15_000
_POLL_SECONDS = 0.2
#: How long the queues may stand still before that is told as a failure.
STALLED_SECONDS = 120.0


@dataclass(slots=True)
class Sent:
    """How far the story is told. ``waiting`` are events in the queues, as last seen."""

    events: int = 0
    dead: int = 0
    waiting: int = 0


class Sender:
    """Publishes events under new ids that are dated as the story has them. They are accepted now,
    so they count in the ledger in the minutes of their ids, and as no backlog of days.
    """

    def __init__(
        self,
        broker: Broker,
        load: Load,
        projects: Mapping[str, int],
        tell: Callable[[Sent], None],
        clock: Clock = now_ms,
    ) -> None:
        self._broker = broker
        self._load = load
        self._projects = projects
        self._tell = tell
        self._clock = clock
        self.sent = Sent()
        self._ready: dict[str, list[Envelope]] = defaultdict(list)

    def send(self, story: Iterable[Told]) -> Sent:
        """Publish all of it, a story or the next part of one, and wait until the queues are empty;
        what was sent so far. Raises :class:`OpsError` when they stand still, and ``StoreDown``.
        """
        for told in story:
            made = new_id(told.at_ms)
            project = self._projects[told.app]
            batch = self._ready[told.type]
            batch.append(Envelope(made, project, told.type, told.protocol, told.body))
            self.sent.dead += told.dead
            if len(batch) >= BATCH:
                self._publish(told.type)
                self._wait(MOST_WAITING)
        for kind in list(self._ready):
            self._publish(kind)
        self._wait(0)
        return self.sent

    def _publish(self, kind: str) -> None:
        batch = self._ready.pop(kind)
        now = self._clock()
        self._broker.publish(kind, new_id(now), batch, accepted_ms=now)
        self.sent.events += len(batch)

    def _wait(self, most: int) -> None:
        """Until no more than so many events wait."""
        least, since = None, time.monotonic()
        while True:
            waiting = sum(load.events for load in self._load.queues())
            self.sent.waiting = waiting
            self._tell(self.sent)
            if waiting <= most:
                return
            if least is None or waiting < least:
                least, since = waiting, time.monotonic()
            elif time.monotonic() - since > STALLED_SECONDS:
                raise OpsError(
                    f"{waiting} events wait and get no fewer: see ./sluice queue list and pools"
                )
            time.sleep(_POLL_SECONDS)
