"""Frames decompressed, in this process's memory: bounded, the least recently used go first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from storage.files.cache.disk import Generation
from storage.files.cache.entry import FrameKey

# One giant frame must not push out everything else.
_LARGEST_SHARE = 4


class _Kept(NamedTuple):
    raw: bytes
    until: float
    generation: Generation


class MemoryCache:
    """At most ``limit`` bytes of content; for threads."""

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[FrameKey, _Kept] = OrderedDict()
        self._used = 0

    def get(self, key: FrameKey, generation: Generation) -> bytes | None:
        """A frame decompressed; null when it is not here, too old, or of another generation."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if kept.until <= self._clock() or kept.generation != generation:
                self._remove(key)
                return None
            self._kept.move_to_end(key)
            return kept.raw

    def put(self, key: FrameKey, raw: bytes, generation: Generation, seconds: float) -> None:
        """Keep a frame decompressed for so long at most, unless it is too large."""
        if len(raw) > self._limit // _LARGEST_SHARE:
            return
        with self._lock:
            self._remove(key)
            self._kept[key] = _Kept(raw, self._clock() + seconds, generation)
            self._used += len(raw)
            while self._used > self._limit:
                self._remove(next(iter(self._kept)))

    def drop(self, key: FrameKey) -> None:
        """Remove one frame."""
        with self._lock:
            self._remove(key)

    def sweep(self, generation: Generation) -> None:
        """Remove what may not be given any more, though nobody asks for it."""
        with self._lock:
            now = self._clock()
            for key, kept in list(self._kept.items()):
                if kept.until <= now or kept.generation != generation:
                    self._remove(key)

    @property
    def used(self) -> int:
        """Bytes of the frames kept."""
        return self._used

    def _remove(self, key: FrameKey) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._used -= len(kept.raw)
