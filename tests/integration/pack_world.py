"""Packs that are stored without a worker, and readers that watch them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.registry import event_type
from storage.errors import NotFound
from storage.files.store import FileStore
from storage.model import PackRef
from storage.sql.database import Database
from storage.sql.events import Events
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.packs import Packs
from storage.sql.unstore import unstore
from tests.integration.pipeline import Pipeline


def store_pack(
    pipeline: Pipeline, bodies: Sequence[bytes], *, at_ms: int | None = None
) -> tuple[PackRef, list[UUID]]:
    """A pack with rows, counted as stored; search has no document of it."""
    at = now_ms() if at_ms is None else at_ms
    envelopes = [
        Envelope(new_id(at), pipeline.project_id, "crash", "raygun.entry", body) for body in bodies
    ]
    ref, places = FileStore(pipeline.settings).write_pack(envelopes, new_id(now_ms()))
    items = [(event_type("crash").normalise(e), e.protocol, places[e.id]) for e in envelopes]
    packs = Packs(pipeline.database)
    packs.store(ref, datetime.now(UTC), items)
    packs.mark_searched(ref.id, datetime.now(UTC))
    return ref, [envelope.id for envelope in envelopes]


def erase(pipeline: Pipeline, event_id: UUID) -> None:
    """What erasing does to one stored event, in one transaction."""
    with pipeline.database.transaction() as cursor:
        hold_alone(cursor, SETTLING)
        cursor.execute("SELECT pack_id, project_id FROM crash_events WHERE id = %s", (event_id,))
        ((pack_id, project_id),) = cursor.fetchall()
        unstore(cursor, "crash", event_id)
        cursor.execute(
            "INSERT INTO tombstones (event_id, type, project_id, pack_id, erasure_id)"
            " VALUES (%s, 'crash', %s, %s, %s)",
            (event_id, project_id, pack_id, new_id(now_ms())),
        )


def objects(pipeline: Pipeline) -> set[str]:
    """The keys of all packs in the bucket."""
    return {key for key, _ in FileStore(pipeline.settings)._bucket.list("packs/")}


def read_all(pipeline: Pipeline, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Every event's raw bytes, by way of its row."""
    events, files = Events(pipeline.database), FileStore(pipeline.settings)
    return {event_id: files.read_event(events.find(event_id).location) for event_id in ids}


def all_bytes(pipeline: Pipeline) -> list[bytes]:
    """Every event's bytes in every pack of the bucket."""
    files = FileStore(pipeline.settings)
    return [item.envelope.body for key in objects(pipeline) for item in files.read_pack(key)]


@contextmanager
def readers(pipeline: Pipeline, ids: Sequence[UUID], *, again: bool = False) -> Iterator[list[int]]:
    """Threads that read every event over and over; any that fails, fails the test at the end.

    Gives how many were read so far. With ``again`` a reader does as the web tier does: of an event
    whose pack went since it was looked up it asks once more.
    """
    done = threading.Event()
    count, faults = [0], []

    def read() -> None:
        database = Database(pipeline.settings.postgres_dsn, max_connections=1, timeout=60)
        events, files = Events(database), FileStore(pipeline.settings)
        try:
            while not done.is_set():
                for event_id in ids:
                    try:
                        files.read_event(events.find(event_id).location)
                    except NotFound:
                        if not again:
                            raise
                        files.read_event(events.find(event_id).location)
                    count[0] += 1
        except Exception as exc:  # told by the test's own thread
            faults.append(exc)
        finally:
            database.close()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield count
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not faults, faults
