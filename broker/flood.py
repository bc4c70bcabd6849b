"""A flood is not a dead letter: a stage that would give up on most of its events is paused."""

from __future__ import annotations

from dataclasses import dataclass

from broker import scripts
from broker.connection import broker_errors
from broker.reservations import Reservations

#: How long an operator's resume lets a stage dead-letter whatever it will, in seconds.
AMNESTY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class FloodLimit:
    """How many are too many: a share of the events of the last seconds, if they were enough."""

    share: float
    fewest: int
    seconds: int

    def allows(
        self, reservations: Reservations, queue: str, *, good: int, dead: int, reason: str
    ) -> bool:
        """Whether ``dead`` of ``good + dead`` events may be dead-lettered; counts them if so.

        If not, the queue is paused until an operator resumes it. Raises :class:`StoreDown`.
        """
        with broker_errors():
            verdict = scripts.run(
                reservations.client,
                "judge",
                queue,
                good,
                dead,
                self.seconds,
                self.fewest,
                self.share,
                reason[:300],
            )
        return bool(verdict)
