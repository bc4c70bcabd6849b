"""Giving up on a parked message: event by event, into dead letters."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from broker.handoff import Handoff
from broker.message import UnreadableMessage, message_args
from broker.parked import Parked, counted_events, queue_of
from config.policy import QUEUES
from events.envelope import Envelope, MalformedBatch, decode_batch
from events.ids import Clock, now_ms
from storage.errors import Corrupt, NotFound
from storage.files.store import FileStore
from storage.model import DeadLetter, EventLocation
from storage.sql.audit import Audit
from storage.sql.dead_letters import DeadLetters
from storage.sql.packs import Packs

CODE = "parked"
_MAX_AUDITED_BYTES = 64 * 1024


class Unburiable(Exception):
    """The message holds events that cannot be told apart, so it stays parked; says why."""


@dataclass(frozen=True, slots=True)
class Burial:
    """Turns parked messages into dead letters. Methods raise :class:`StoreDown`."""

    parked: Parked
    letters: DeadLetters
    packs: Packs
    files: FileStore
    audit: Audit
    clock: Clock = now_ms

    def bury(self, message_id: str, reason: str, actor: str) -> int | None:
        """Dead-letter the events of a parked message and drop it; how many are newly dead.

        Null when it is not parked. Letters first, then the audit, then the message: a kill in
        between leaves it parked, and repeating adds nothing twice. A message that holds no event of
        ours is dropped, its bytes kept in the audit. Raises :class:`Unburiable`.
        """
        raw = self.parked.read(message_id)
        if raw is None:
            return None
        why, events = self.parked.why(message_id), counted_events(raw)
        letters = self._letters(queue_of(message_id), raw, f"{reason} (parked: {why})", events)
        added = self.letters.add(letters)
        detail = {"reason": reason, "why": why, "events": events, "letters": added}
        if not letters:
            detail["message"] = base64.b64encode(raw[:_MAX_AUDITED_BYTES]).decode()
        self.audit.write(actor, "discard_parked", message_id, detail)
        self.parked.drop(message_id, events)
        return added

    def replay(self, message_id: str, actor: str) -> bool:
        """Move a message back to its queue, as if never delivered; false when it is not parked."""
        if not self.parked.replay(message_id):
            return False
        self.audit.write(actor, "replay_parked", message_id, {})
        return True

    def _letters(self, queue: str, raw: bytes, reason: str, events: int) -> list[DeadLetter]:
        try:
            (argument, *_) = message_args(raw)
            if QUEUES[queue].stage.name == "files":
                batch = decode_batch(argument)
                return [self._letter(one, "files", reason, None) for one in batch]
            return self._of_pack(Handoff.from_message(argument), queue, reason)
        except (UnreadableMessage, MalformedBatch, KeyError, ValueError, TypeError) as exc:
            if events:
                raise Unburiable(f"its {events} events cannot be read: {exc}") from exc
            return []
        except (NotFound, Corrupt) as exc:
            raise Unburiable(f"its pack cannot be read: {exc.detail}") from exc

    def _of_pack(self, handoff: Handoff, queue: str, reason: str) -> list[DeadLetter]:
        """Events without a row die in the message's stage, those with one wait for search only.

        What is dead, discarded or stored already is left out by who keeps the letters.
        """
        packed = self.files.read_pack(handoff.pack.key)
        ids = [item.envelope.id for item in packed]
        rows = self.packs.stored_ids(handoff.pack.type, ids)
        stage = QUEUES[queue].stage.name
        return [
            self._letter(
                item.envelope, _stage(item.envelope.id, stage, rows), reason, item.location
            )
            for item in packed
            if stage == "sql" or item.envelope.id in rows
        ]

    def _letter(
        self, envelope: Envelope, stage: str, reason: str, location: EventLocation | None
    ) -> DeadLetter:
        return DeadLetter(
            event_id=envelope.id,
            project_id=envelope.project_id,
            type=envelope.type,
            stage=stage,
            protocol=envelope.protocol,
            code=CODE,
            reason=reason,
            traceback="",
            attempts=1,
            at=datetime.fromtimestamp(self.clock() / 1000, UTC),
            location=location,
            payload=None if location else envelope.body,
        )


def _stage(event_id: UUID, stage: str, rows: Sequence[UUID] | set[UUID]) -> str:
    return "search" if event_id in rows else stage
