"""Reading events through the cache: a frame is fetched once, and serves all events in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import structlog

from config.settings import Settings
from storage.errors import Corrupt
from storage.files.cache.disk import DiskCache, Generation
from storage.files.cache.entry import FrameKey
from storage.files.cache.flight import Flights
from storage.files.cache.memory import MemoryCache
from storage.files.compression import decompress, raw_length
from storage.files.pack import cut_out
from storage.model import EventLocation

log = structlog.get_logger(__name__)

FOLDER = "files-cache"

Source: TypeAlias = Literal["memory", "disk", "miss"]
"""Where a read found its frame; a ``miss`` asked the object store."""

Observe: TypeAlias = Callable[[Source], None]

_TELL_SECONDS = 30.0


class Frames(Protocol):
    """The part of :class:`storage.files.store.FileStore` used here."""

    def read_frame(self, location: EventLocation) -> bytes: ...


def _unobserved(_source: Source) -> None:
    """For who counts nothing."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A read under way: what it wants, and since when nothing was forgotten."""

    location: EventLocation
    key: FrameKey
    generation: Generation

    def cut(self, raw: bytes) -> bytes:
        """The event out of its frame decompressed; raises ``Corrupt``."""
        at = self.location
        return cut_out(raw, at.offset, at.length, at.checksum)


class FrameCache:
    """Events' raw bytes from memory, this node's disk, or the object store, verified each time.

    A disk that fails makes reads slower and nothing else: it is told in the log.
    """

    def __init__(
        self,
        frames: Frames,
        disk: DiskCache,
        memory: MemoryCache,
        flights: Flights,
        observe: Observe = _unobserved,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._frames = frames
        self._disk = disk
        self._memory = memory
        self._flights = flights
        self._observe = observe
        self._clock = clock
        self._told = -_TELL_SECONDS

    def read_event(self, location: EventLocation) -> bytes:
        """An event's raw bytes. Raises ``StoreDown``, ``NotFound`` and ``Corrupt`` as the file
        store does.
        """
        key = FrameKey(location.pack_key, location.frame_offset, location.frame_length)
        asked = _Asked(location, key, self._generation())
        near = self._near(asked)
        if near is not None:
            source, body = near
            self._observe(source)
            return body
        return self._fetch_alone(asked)

    def forget(self, pack_key: str) -> None:
        """Let no process of this node give a byte of a pack again that it has kept so far.

        Raises ``OSError`` when the disk cannot be used: entries age out all the same.
        """
        self._disk.forget(pack_key)

    def sweep(self) -> None:
        """Remove what is too old from memory and disk, though nobody asks for it."""
        self._memory.sweep(self._generation())
        try:
            self._disk.sweep()
        except OSError as exc:
            self._tell(exc)

    def used(self) -> tuple[int, int]:
        """Bytes in this process's memory, and on this node's disk."""
        try:
            return self._memory.used, self._disk.counted()
        except OSError as exc:
            self._tell(exc)
            return self._memory.used, 0

    def _fetch_alone(self, asked: _Asked) -> bytes:
        """Fetch a frame, or take what another thread or process fetched meanwhile."""
        try:
            with self._flights.one(asked.key.name):
                near = self._near(asked)
                if near is None:
                    return self._fetch(asked)
        except OSError as exc:
            self._tell(exc)
            return self._fetch(asked)
        source, body = near
        self._observe(source)
        return body

    def _fetch(self, asked: _Asked) -> bytes:
        self._observe("miss")
        stored = self._frames.read_frame(asked.location)
        raw = decompress(stored, raw_length(stored))
        body = asked.cut(raw)  # before anything is kept: what is damaged is not
        self._memory.put(asked.key, raw, asked.generation, self._disk.max_age)
        try:
            self._disk.put(asked.key, stored, asked.generation)
        except OSError as exc:
            self._tell(exc)
        return body

    def _near(self, asked: _Asked) -> tuple[Source, bytes] | None:
        try:
            return self._from_memory(asked) or self._from_disk(asked)
        except Corrupt as exc:
            # The frame was whole when it was kept, but this event of it never was, or its row is
            # wrong. The object store decides.
            log.warning("cached_frame_refused", pack=asked.key.pack_key, detail=exc.detail)
        except OSError as exc:
            self._tell(exc)
        self._memory.drop(asked.key)
        return None

    def _from_memory(self, asked: _Asked) -> tuple[Source, bytes] | None:
        raw = self._memory.get(asked.key, asked.generation)
        return None if raw is None else ("memory", asked.cut(raw))

    def _from_disk(self, asked: _Asked) -> tuple[Source, bytes] | None:
        found = self._disk.get(asked.key)
        if found is None:
            return None
        raw = decompress(found.stored, raw_length(found.stored))
        body = asked.cut(raw)
        self._memory.put(asked.key, raw, asked.generation, found.seconds_left)
        return "disk", body

    def _generation(self) -> Generation:
        try:
            return self._disk.generation()
        except OSError as exc:
            self._tell(exc)
            return (0, 0)

    def _tell(self, exc: OSError) -> None:
        """Once in a while: a full disk would fill the log as well."""
        now = self._clock()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            log.warning("files_cache_disk_fails", error=str(exc))


def open_cache(settings: Settings, frames: Frames, observe: Observe = _unobserved) -> FrameCache:
    """The cache of a node, in its home. Touches nothing yet."""
    folder = settings.home / FOLDER
    return FrameCache(
        frames,
        DiskCache(folder, settings.files_cache_bytes, settings.files_cache_seconds),
        MemoryCache(settings.files_cache_memory_bytes),
        Flights(folder / "flights", settings.s3_timeout_seconds),
        observe,
    )
