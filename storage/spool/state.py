"""What waits in the spools of a home, read by anybody: metrics, the ledger, an operator.

Takes no lock and changes nothing; a batch that is being published at this moment may be counted
here and in the broker, for the time of one write.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from events.envelope import MalformedBatch
from events.ids import id_minute, id_ms
from storage.spool.folder import (
    QUARANTINE,
    REFUSED,
    segment_mark,
    segment_paths,
    size_of,
    spool_folder,
    used_bytes,
)
from storage.spool.layout import HEADER_BYTES, PREAMBLE_BYTES, decode_body, decode_preamble
from storage.spool.refusals import Refusals
from storage.spool.scan import Read, Record, scan


@dataclass(frozen=True, slots=True)
class SpoolState:
    """All spools of a home. ``bytes`` are on the disk; ``oldest_ms`` is the time of the oldest
    batch, null when none waits; ``refused`` counts events since the home was made;
    ``quarantined`` are bytes of segments with damage.
    """

    events: int
    bytes: int
    oldest_ms: int | None
    refused: int
    quarantined: int


def read_spool_state(home: Path) -> SpoolState:
    """The state of a home's spools. Reads headers only. Raises ``OSError``."""
    folder = spool_folder(home)
    events, oldest = 0, None
    for path in segment_paths(folder):
        for record, _ in _records(path):
            events += record.header.events
            at = id_ms(record.header.batch_id)
            oldest = at if oldest is None else min(oldest, at)
    quarantined = used_bytes(folder / QUARANTINE)
    refused = Refusals(folder / REFUSED).total()
    return SpoolState(events, used_bytes(folder), oldest, refused, quarantined)


def spooled_events(home: Path) -> dict[tuple[int, int, str], int]:
    """Events waiting, by (minute of the id, project, type): rows as ``Broker.accepted`` gives.

    They are accepted, and not yet counted so by the broker. Decodes every batch; batches that
    cannot be read count nothing. Raises ``OSError``.
    """
    found: Counter[tuple[int, int, str]] = Counter()
    for path in segment_paths(spool_folder(home)):
        for record, read in _records(path):
            found.update(_rows(record, read))
    return dict(found)


def _rows(record: Record, read: Read) -> Iterator[tuple[int, int, str]]:
    start = record.start + HEADER_BYTES
    batch = decode_body(record.header, read(start, record.end - start))
    if batch is None:
        return
    try:
        envelopes = batch.envelopes()
    except MalformedBatch:
        return  # its replay will say so, and set it aside
    for envelope in envelopes:
        yield id_minute(envelope.id), envelope.project_id, batch.event_type


def _records(path: Path) -> Iterator[tuple[Record, Read]]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # published and removed since it was listed

    def read(offset: int, length: int) -> bytes:
        return os.pread(descriptor, length, offset)

    try:
        done = decode_preamble(read(0, PREAMBLE_BYTES)).done
        for span in scan(read, segment_mark(path), done, size_of(path)):
            if isinstance(span, Record):
                yield span, read
    finally:
        os.close(descriptor)
