"""Driving a replay: claim what the rate allows, send it through the normal queues, learn its fate.

Claiming commits to SQL before anything is sent, each message under an id of its own; so whoever
drives next after a kill sends again what may not have been sent, and the broker takes it once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import structlog

from broker.client import Broker
from broker.handoff import Handoff
from broker.message import BatchMessage, batch_message, pack_message
from config.policy import EVENT_TYPES
from config.settings import Settings
from events.envelope import Envelope
from storage.replay import Replay
from storage.sql.letter_rows import DeadLetterRow
from storage.sql.replay_items import ReplayBatch, ReplayItems
from storage.sql.replays import Replays
from workbench.payloads import Payloads, Unreadable

#: Most letters in one step: bounds the payloads in memory.
STEP_LETTERS = 100

_TYPES = frozenset(policy.name for policy in EVENT_TYPES)

_log = structlog.get_logger(__name__)

_Bodies = Mapping[tuple[UUID, int], bytes]
"""Payloads by letter and how often it was edited."""


class ReplayDriver:
    """Advances replays, one step a call. Any number may drive one replay at once.

    Methods raise :class:`StoreDown`; nothing is lost then, the next step goes on.
    """

    def __init__(
        self,
        settings: Settings,
        replays: Replays,
        items: ReplayItems,
        payloads: Payloads,
        broker: Broker,
    ) -> None:
        self._settings = settings
        self._replays = replays
        self._items = items
        self._payloads = payloads
        self._broker = broker

    def step(self, replay_id: UUID) -> Replay | None:
        """Send what the rate allows now, and what a killed driver left; the replay as it stands.

        Null when there is no such replay.
        """
        self._send_claimed(replay_id, {})
        replay = self._replays.settle(replay_id)
        if replay is None or not replay.can_send:
            return replay
        most = min(replay.count("waiting"), STEP_LETTERS)
        if replay.status == "canary":
            most = min(most, replay.canaries_left)
        allowed = self._replays.take_allowance(replay_id, most)
        if not allowed:
            return replay
        letters = self._items.waiting(replay_id, allowed)
        bodies = self._read(replay_id, letters)
        readable = [letter for letter in letters if (letter.id, letter.edits) in bodies]
        self._items.claim(replay_id, self._groups(readable, bodies))
        self._send_claimed(replay_id, bodies)
        return self._replays.settle(replay_id)

    def _read(self, replay_id: UUID, letters: Sequence[DeadLetterRow]) -> _Bodies:
        """Payloads of the letters; those that cannot be sent at all are left out of the replay."""
        bodies: dict[tuple[UUID, int], bytes] = {}
        unfit: dict[UUID, str] = {}
        for letter in letters:
            try:
                bodies[letter.id, letter.edits] = self._body(letter)
            except Unreadable as exc:
                unfit[letter.id] = str(exc)
        if unfit:
            _log.warning("replay_skipped", replay=str(replay_id), letters=len(unfit))
            self._items.skip(replay_id, unfit)
        return bodies

    def _body(self, letter: DeadLetterRow) -> bytes:
        if letter.type not in _TYPES:
            raise Unreadable(f"no queue takes events of type {letter.type!r}")
        return self._payloads.current(letter)

    def _groups(
        self, letters: Sequence[DeadLetterRow], bodies: _Bodies
    ) -> Iterator[list[DeadLetterRow]]:
        """Parts of the letters that fit one message: one type, bounded in events and bytes."""
        parts: dict[str, tuple[list[DeadLetterRow], int]] = {}
        for letter in letters:
            size = len(bodies[letter.id, letter.edits])
            part, used = parts.get(letter.type, ([], 0))
            full = len(part) >= self._settings.commit_max_events
            if part and (full or used + size > self._settings.commit_max_bytes):
                yield part
                part, used = [], 0
            part.append(letter)
            parts[letter.type] = (part, used + size)
        yield from (part for part, _ in parts.values())

    def _send_claimed(self, replay_id: UUID, bodies: _Bodies) -> None:
        for batch in self._items.unsent(replay_id):
            message = self._message(replay_id, batch, bodies)
            if message is not None:
                self._broker.republish(message, batch.id)
            self._items.mark_sent(replay_id, batch.id)

    def _message(self, replay_id: UUID, batch: ReplayBatch, bodies: _Bodies) -> BatchMessage | None:
        """The message of a batch; null when none of its letters is on its way any more."""
        if batch.pack is not None and batch.letters:
            handoff = Handoff(batch.pack.ref, batch.pack.files_at)
            event_ids = [letter.event_id for letter in batch.letters]
            return pack_message("search", batch.id, handoff, event_ids)
        unread = [one for one in batch.letters if (one.id, one.edits) not in bodies]
        known = {**bodies, **self._read(replay_id, unread)} if unread else bodies
        envelopes = [
            Envelope(one.event_id, one.project_id, one.type, one.protocol, known[one.id, one.edits])
            for one in batch.letters
            if (one.id, one.edits) in known
        ]
        return batch_message(batch.type, batch.id, envelopes) if envelopes else None
