"""Stage ``search``: documents of a pack in Elasticsearch; then the pack counts as stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from broker.handoff import Handoff
from broker.suspects import Suspects
from events.ids import Clock
from storage.model import PackedEvent
from tasks.burial import bury
from tasks.careful import work_on
from tasks.delivery import Delivery
from tasks.isolation import Failure, Retrying, isolate
from tasks.normalising import normalise_each
from tasks.reading import read_for_stage
from tasks.stores import WorkerStores

_log = structlog.get_logger(__name__)


def index_pack(
    handoff: Handoff,
    delivery: Delivery,
    suspects: Suspects,
    stores: WorkerStores,
    retrying: Retrying,
    clock: Clock,
) -> None:
    """Index the events of a pack that have their row of it; those at fault are dead-lettered.

    Events without a row are dead letters of an earlier stage; those with a row of another pack are
    indexed with that one, since after an edit only it has the payload that counts. Idempotent by
    ids: each event counts as stored once, when a run has indexed it. Raises :class:`StoreDown`,
    :class:`Flood`, :class:`Corrupt`, :class:`NotFound`.
    """
    pack = handoff.pack

    def process(items: Sequence[PackedEvent]) -> list[Failure[PackedEvent]]:
        # An event without a row is dead already, perhaps because it kills who normalises it.
        rows = stores.packs.own_ids(pack, [item.envelope.id for item in items])
        failures: list[Failure[PackedEvent]] = []

        def index(part: Sequence[PackedEvent]) -> None:
            malformed: list[Failure[PackedEvent]] = []
            # One record at a time: made when its document is, and gone with it.
            records = (event.record for event in normalise_each(part, malformed))
            found = dict(stores.search.index(pack.type, records))
            failures.extend(malformed)
            failures.extend(
                Failure(item, "document_refused", found[item.envelope.id], "", attempts=1)
                for item in part
                if item.envelope.id in found
            )

        mine = [item for item in items if item.envelope.id in rows]
        _, failed = isolate(index, mine, retrying)
        return failures + failed

    packed = read_for_stage(handoff, delivery, stores, clock)
    failures = work_on(packed, delivery, suspects, process)
    bury(failures, len(packed), delivery, stores, clock)
    refused = [failure.item.envelope.id for failure in failures]
    at = datetime.fromtimestamp(clock() / 1000, UTC)
    first = stores.packs.mark_searched(pack.id, at, refused)
    _log.info("indexed", pack=str(pack.id), events=len(packed), first=first)
