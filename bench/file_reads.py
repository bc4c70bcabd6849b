"""Reading single events over HTTP, one after another on one connection."""

from __future__ import annotations

import http.client
import random
import statistics
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from bench.ground import Ground
from bench.payloads import CrashSource
from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.registry import event_type
from storage.files.store import FileStore
from storage.sql.database import Database
from storage.sql.packs import Packs

PACK_EVENTS = 2_000


class Stored(NamedTuple):
    """An event that can be read, one of its frame."""

    id: UUID
    frame: tuple[str, int]


def fill(place: Ground, events: int, seed: int) -> tuple[list[Stored], float]:
    """Write packs and rows as the stages do; an event of each frame, and the seconds it took.

    The bodies repeat from pack to pack, for the sake of time: neither packs nor rows know.
    """
    source, kind = CrashSource(seed), event_type("crash")
    bodies = [source.crash() for _ in range(PACK_EVENTS)]
    files, database = FileStore(place.settings), Database(place.settings.postgres_dsn)
    packs = Packs(database)
    stored: dict[tuple[str, int], UUID] = {}
    begun = time.monotonic()
    normalised = None
    for start in range(0, events, PACK_EVENTS):
        envelopes = [
            Envelope(new_id(now_ms()), place.project_id, "crash", "raygun.entry", body)
            for body in bodies[: events - start]
        ]
        normalised = normalised or [kind.normalise(envelope) for envelope in envelopes]
        ref, locations = files.write_pack(envelopes, new_id(now_ms()))
        items = [
            (replace(record, id=envelope.id), envelope.protocol, locations[envelope.id])
            for record, envelope in zip(normalised, envelopes, strict=False)
        ]
        packs.store(ref, datetime.now(UTC), items)
        for event_id, at in locations.items():
            stored.setdefault((at.pack_key, at.frame_offset), event_id)
    database.close()
    return [Stored(found, frame) for frame, found in stored.items()], time.monotonic() - begun


def pick_frames(stored: Sequence[Stored], count: int, seed: int) -> list[Stored]:
    """Events of different frames."""
    return random.Random(seed).sample(list(stored), min(count, len(stored)))


class Reader:
    """A client with a token, as a program that follows a list of events would be."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def warm_up(self, event: Stored) -> None:
        """Let the file server connect to its stores, which is no part of a read."""
        for _ in range(20):
            self._read(event)

    def measure(self, what: str, events: Sequence[Stored]) -> dict[str, Any]:
        """Read them in turn; milliseconds of the median and of the slowest in a hundred."""
        times = []
        for event in events:
            begun = time.perf_counter()
            self._read(event)
            times.append((time.perf_counter() - begun) * 1000)
        cuts = statistics.quantiles(times, n=100)
        return {
            "what": what,
            "reads": len(times),
            "p50_ms": round(cuts[49], 2),
            "p99_ms": round(cuts[98], 2),
        }

    def close(self) -> None:
        self._connection.close()

    def _read(self, event: Stored) -> None:
        self._connection.request("GET", f"/files/v1/events/{event.id}", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200 or not body:
            raise RuntimeError(f"{event.id}: {answer.status} {body[:200]!r}")
