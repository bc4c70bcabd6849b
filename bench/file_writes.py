"""Events a second into the object store: through packs, and one PUT an event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

from bench.ground import Ground
from bench.payloads import CrashSource
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.files.s3 import Bucket
from storage.files.store import FileStore

THREADS = 8
"""Requests under way at once, for both ways."""
PACK_EVENTS = 2_000
_DISTINCT = 4_000


def write_singly(place: Ground, seed: int, seconds: int) -> dict[str, Any]:
    """One object an event."""
    bucket = Bucket(place.settings)
    bodies = _Bodies(seed)

    def write() -> int:
        event_id = new_id(now_ms())
        bucket.put(f"singly/{event_id.hex[-2:]}/{event_id}", next(bodies))
        return 1

    return _rate("write, one PUT an event", write, seconds)


def write_packs(place: Ground, seed: int, seconds: int) -> dict[str, Any]:
    """Packs as ``store_files`` writes them when there is a backlog."""
    store = FileStore(place.settings)
    bodies = _Bodies(seed)

    def write() -> int:
        envelopes = [
            Envelope(new_id(now_ms()), place.project_id, "crash", "raygun.entry", next(bodies))
            for _ in range(PACK_EVENTS)
        ]
        store.write_pack(envelopes, new_id(now_ms()))
        return PACK_EVENTS

    return _rate("write, packs", write, seconds)


class _Bodies:
    """Made beforehand: making a crash costs more than packing it."""

    def __init__(self, seed: int) -> None:
        source = CrashSource(seed)
        self._lock = threading.Lock()
        self._turn = cycle([source.crash() for _ in range(_DISTINCT)])

    def __next__(self) -> bytes:
        with self._lock:
            return next(self._turn)


def _rate(what: str, write: Callable[[], int], seconds: int) -> dict[str, Any]:
    written = [0] * THREADS
    write()  # connects
    begun = time.monotonic()

    def work(number: int) -> None:
        while time.monotonic() - begun < seconds:
            written[number] += write()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"what": what, "events_per_s": round(sum(written) / (time.monotonic() - begun), 1)}
