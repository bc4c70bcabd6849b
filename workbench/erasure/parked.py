"""Erased events out of parked messages, which no worker will touch until a person says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from broker.handoff import Handoff
from broker.message import UnreadableMessage, batch_message, message_args, message_headers
from broker.parked import Parked, counted_events
from config.policy import QUEUES
from events.envelope import Envelope, MalformedBatch, decode_batch
from storage.errors import Corrupt, NotFound
from storage.files.store import FileStore
from storage.sql.erasing import Found
from workbench.erasure.matching import Match


@dataclass(slots=True)
class ParkedFind:
    """A parked message with events to erase; ``rest`` are the others of a batch, null where the
    message names a pack and holds no payload itself.
    """

    message_id: str
    type: str
    events: list[Found]
    rest: list[Envelope] | None


@dataclass(slots=True)
class ParkedFinds:
    """``unreadable`` messages may hold more."""

    messages: list[ParkedFind] = field(default_factory=list)
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class ParkedEvents:
    """Methods raise ``StoreDown``; whatever is repeated changes nothing."""

    parked: Parked
    files: FileStore

    def find(self, match: Match) -> ParkedFinds:
        """Every parked message with events that are meant."""
        finds = ParkedFinds()
        for message in self.parked.list():
            raw = self.parked.read(message.id)
            if raw is None:
                continue
            try:
                found = self._look(message.id, QUEUES[message.queue].stage.name, raw, match)
            except (UnreadableMessage, MalformedBatch, NotFound, Corrupt, LookupError, ValueError):
                finds.unreadable += 1
                continue
            if found.events:
                found.type = QUEUES[message.queue].event_type.name
                finds.messages.append(found)
        return finds

    def take_out(self, find: ParkedFind) -> None:
        """Put the message without the events in its place, once they are settled."""
        raw = self.parked.read(find.message_id)
        if raw is None or find.rest is None:
            return
        if not find.rest:
            self.parked.drop(find.message_id, counted_events(raw))
            return
        batch_id = UUID(str(message_headers(raw)["id"]))
        message = batch_message(find.type, batch_id, find.rest)
        self.parked.replace(find.message_id, message.raw, len(find.events))

    def _look(self, message_id: str, stage: str, raw: bytes, match: Match) -> ParkedFind:
        (argument, *_) = message_args(raw)
        if stage == "files":
            batch = decode_batch(argument)
            mine = [one for one in batch if match.owns(one)]
            gone = {one.id for one in mine}
            events = [Found(one.id, one.project_id) for one in mine]
            rest = [one for one in batch if one.id not in gone]
            return ParkedFind(message_id, "", events, rest)
        pack = Handoff.from_message(argument).pack
        return ParkedFind(message_id, "", list(self._of_pack(pack.id, pack.key, match)), None)

    def _of_pack(self, pack_id: UUID, key: str, match: Match) -> Iterator[Found]:
        damaged: list[object] = []
        for packed in self.files.read_wanted(
            key, lambda e: match.fits(UUID(bytes=e.id), e.project_id), damaged.extend
        ):
            one = packed.envelope
            if match.owns(one):
                yield Found(one.id, one.project_id, pack_id)
