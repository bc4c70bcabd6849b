"""Where accepted batches are handed over: to the broker, or to the spool while it takes none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from app.ingest.commit import Publish
from app.ingest.spool.gate import Gate, Reason
from app.ingest.spool.replay import Replayer
from broker.capacity import Capacity
from config.settings import Settings
from events.envelope import Envelope
from storage.errors import StoreDown
from storage.spool.folder import spool_folder
from storage.spool.spool import Spool


class Outbox:
    """Thread-safe. ``patience`` is in seconds: a publish that failed sooner is tried once more
    under the same batch id, which spares a connection that broke while idle; ``clock`` gives
    seconds.
    """

    def __init__(
        self,
        publish: Publish,
        spool: Spool,
        gate: Gate,
        replayer: Replayer,
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._spool = spool
        self._gate = gate
        self._replayer = replayer
        self._patience = patience
        self._clock = clock

    def start(self) -> None:
        """Begin to watch the broker and to replay what earlier processes spooled."""
        self._replayer.start()

    def close(self) -> None:
        """End the watching, and let go of the spool's segments."""
        self._replayer.close()
        self._spool.close()

    @property
    def spooling(self) -> Reason | None:
        """Why batches go to the spool now; None while the broker takes them."""
        return self._gate.shut_for

    def has_room(self) -> bool:
        """Whether events can be accepted here while the broker takes none."""
        return self._spool.has_room()

    def publish(self, event_type: str, batch_id: UUID, envelopes: Sequence[Envelope]) -> None:
        """Return when the broker or, failing that, the spool holds the batch durably.

        A batch of which the broker's answer is missing is spooled too: it may be stored already,
        and its id makes the replay safe. Raises :class:`StoreDown` of ``spool`` when neither can.
        """
        self.start()
        if not self._taken(event_type, batch_id, envelopes):
            self._spool.append(event_type, batch_id, envelopes)

    def _taken(self, event_type: str, batch_id: UUID, envelopes: Sequence[Envelope]) -> bool:
        tries = 2
        started = self._clock()
        while self._gate.shut_for is None and tries:
            tries -= 1
            try:
                self._publish(event_type, batch_id, envelopes)
            except StoreDown as error:
                if not tries or self._clock() - started >= self._patience:
                    self._gate.shut("down", error.detail)
            else:
                return True
        return False


def open_outbox(settings: Settings, publish: Publish) -> Outbox:
    """The outbox of a web process; opens no file and no connection before it is used."""
    timeout = settings.publish_timeout_seconds
    spool = Spool(spool_folder(settings.home), settings.spool_max_bytes)
    gate = Gate()
    replayer = Replayer(
        spool,
        publish,
        Capacity(settings.redis_url, timeout=timeout).memory,
        gate,
        mark=settings.broker_memory_mark,
        rate=settings.spool_replay_rate,
    )
    return Outbox(publish, spool, gate, replayer, patience=timeout / 4)
