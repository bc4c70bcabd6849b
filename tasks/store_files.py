"""Stage ``files``: many messages become one pack on S3, and the pack is handed on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

import structlog

from broker.handoff import Handoff
from broker.leases import task_lease
from broker.message import UnreadableMessage, message_args, oldest_in
from events.envelope import Envelope, MalformedBatch, decode_batch
from events.ids import Clock, id_day, id_ms, new_id
from storage.model import PackRef
from tasks.burial import bury
from tasks.delivery import Delivery
from tasks.detaching import detach_all
from tasks.redacting import redact_all
from tasks.stores import WorkerStores

_log = structlog.get_logger(__name__)

#: Publishes the rest of the chain for a stored pack: handoff, and since when its events are ours.
HandOn = Callable[[Handoff, int], None]

_MAX_JOINED_MESSAGES = 2000
MAX_PACK_BYTES = 7 << 20
"""Raw bytes of one pack: later stages hold at once what they make of it, which of spans is some
seven times as much. 2,000 crashes of usual size fit."""


def store_batches(
    batch: bytes, delivery: Delivery, stores: WorkerStores, hand_on: HandOn, clock: Clock
) -> None:
    """Store the batch in hand and whatever more of its queue fits, then answer what was joined.

    Survives a kill at any point: until the joined messages are answered, after their packs were
    handed on, all of them are still reserved and will be delivered again; ids make that harmless.
    No event is stored before it is redacted; one on which that fails, or whose files cannot be put
    apart, is dead-lettered alone.
    Raises :class:`MalformedBatch` when the batch in hand cannot be read, :class:`StoreDown`,
    :class:`Flood`.
    """
    envelopes = decode_batch(batch)
    client, seconds = stores.reservations.client, stores.settings.lease_seconds
    with task_lease(client, delivery.owner, lease_seconds=seconds):
        if not delivery.runs_alone:
            envelopes.extend(_join(delivery, stores))
            if sum(len(envelope.body) for envelope in envelopes) >= MAX_PACK_BYTES:
                stores.filling.was_full(delivery.queue)
        alone, entangled = detach_all(envelopes, stores.blobs)
        redacted, failures = redact_all(alone, stores.redactors)
        bury(entangled + failures, len(envelopes), delivery, stores, clock)
        for part in _packs(redacted):
            pack = _store(part, stores, clock)
            oldest = delivery.oldest_ms or min(id_ms(envelope.id) for envelope in part)
            hand_on(Handoff(pack, datetime.fromtimestamp(clock() / 1000, UTC)), oldest)
        stores.reservations.ack(delivery.queue, delivery.joined)


def _join(delivery: Delivery, stores: WorkerStores) -> Iterator[Envelope]:
    settings = stores.settings
    stores.filling.wait(
        delivery.queue,
        lambda: stores.reservations.events(delivery.queue) >= settings.join_max_events,
    )
    more = stores.reservations.join(
        delivery.queue,
        delivery.owner,
        max_messages=_MAX_JOINED_MESSAGES,
        max_events=settings.join_max_events,
        max_bytes=settings.join_max_bytes,
    )
    for reserved in more:
        try:
            envelopes = decode_batch(message_args(reserved.raw)[0])
        except (UnreadableMessage, MalformedBatch, IndexError) as exc:
            _log.exception("message_parked", queue=delivery.queue)
            stores.reservations.park(reserved.tag, str(exc))
            continue
        delivery.join(reserved.tag, len(envelopes), oldest_in(reserved.raw))
        yield from envelopes


def _packs(envelopes: Sequence[Envelope]) -> Iterator[list[Envelope]]:
    """Parts that may share a pack: one type, one day of ids; an id twice in hand goes in once."""
    parts: dict[tuple[str, date], dict[UUID, Envelope]] = defaultdict(dict)
    for envelope in envelopes:
        parts[envelope.type, id_day(envelope.id)][envelope.id] = envelope
    for part in parts.values():
        yield from _bounded(part.values())


def _bounded(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """The envelopes in order, in parts of at most :data:`MAX_PACK_BYTES`; a larger one alone."""
    part: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        size += len(envelope.body)
        if part and size > MAX_PACK_BYTES:
            yield part
            part, size = [], len(envelope.body)
        part.append(envelope)
    yield part


def _store(part: list[Envelope], stores: WorkerStores, clock: Clock) -> PackRef:
    pack, _ = stores.files.write_pack(part, new_id(clock()))
    _log.info(
        "pack_stored",
        pack=str(pack.id),
        events=pack.events,
        bytes=pack.stored_bytes,
        redacted=sum(envelope.redacted for envelope in part),
    )
    return pack
