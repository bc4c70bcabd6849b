"""Frames on this node's disk, shared by all its processes.

Nothing here is the only copy: a file that is torn, damaged or too old is a miss. Entries appear by
rename, so a process killed at any instant leaves whole entries or none. Files carry their times
themselves: modified is when an entry was written, accessed when it was last used (set by us,
whatever the mount's atime options).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias
from uuid import uuid4

from storage.files.cache.entry import FrameKey, decode_entry, encode_entry, pack_prefix
from storage.files.cache.shard import Entry, Shard

Generation: TypeAlias = tuple[int, int]
"""What says that nothing was forgotten since: kept by a reader while it fetches."""


class Found(NamedTuple):
    """A frame as its pack stores it, and how long it may yet be kept."""

    stored: bytes
    seconds_left: float


ClockNs: TypeAlias = Callable[[], int]

SHARDS = 16
_SECOND_NS = 1_000_000_000
# Noting each use would cost a write a read.
_TOUCH_NS = 60 * _SECOND_NS


class DiskCache:
    """At most ``limit`` bytes in ``folder``, none older than ``max_age`` seconds is ever given.

    For any number of threads and processes. Raises ``OSError`` when the disk cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        limit: int,
        max_age: float,
        *,
        clock_ns: ClockNs = time.time_ns,
        shards: int = SHARDS,
    ) -> None:
        self._folder = folder
        self._max_age_ns = int(max_age * _SECOND_NS)
        self._clock_ns = clock_ns
        self._shards = [Shard(folder / f"{n:02x}", limit // shards) for n in range(shards)]
        self._generation = folder / "generation"

    @property
    def max_age(self) -> float:
        """How long a frame may be kept, in seconds."""
        return self._max_age_ns / _SECOND_NS

    def get(self, key: FrameKey) -> Found | None:
        """A frame, checksum verified; null when it is not here."""
        path = self._shard(key).path(key.name)
        try:
            with path.open("rb") as file:
                seen = os.fstat(file.fileno())
                data = file.read(key.length + 1024)
        except FileNotFoundError:
            return None
        now = self._clock_ns()
        stored = None if self._too_old(seen.st_mtime_ns, now) else decode_entry(key, data)
        with suppress(FileNotFoundError):  # another reader removed it, or it was evicted
            if stored is None:
                path.unlink()
            elif now - seen.st_atime_ns > _TOUCH_NS:
                os.utime(path, ns=(now, seen.st_mtime_ns))
        if stored is None:
            return None
        return Found(stored, (self._max_age_ns - (now - seen.st_mtime_ns)) / _SECOND_NS)

    def put(self, key: FrameKey, stored: bytes, generation: Generation) -> bool:
        """Keep a frame that was asked for since ``generation``; whether it is kept.

        Not when something was forgotten since: it might be this frame, fetched just before.
        """
        return self._shard(key).add(
            key.name,
            encode_entry(key, stored),
            self._clock_ns(),
            lambda: self.generation() == generation,
        )

    def drop(self, key: FrameKey) -> None:
        """Remove one entry."""
        with suppress(FileNotFoundError):
            self._shard(key).path(key.name).unlink()

    def forget(self, pack_key: str) -> int:
        """Remove every frame of a pack, here and in the memory of this node's processes.

        A read that is under way when this is called keeps nothing. How many bytes went.
        """
        self._begin_generation()
        prefix = pack_prefix(pack_key)
        return self._remove(lambda entry: entry.path.name.startswith(prefix))

    def sweep(self) -> int:
        """Remove what is too old, though nobody asks for it; how many bytes went."""
        now = self._clock_ns()
        return self._remove(lambda entry: self._too_old(entry.made_ns, now))

    def generation(self) -> Generation:
        """Changes with each :meth:`forget` of any process."""
        try:
            seen = self._generation.stat()
        except FileNotFoundError:
            return (0, 0)
        return (seen.st_ino, seen.st_mtime_ns)

    def used(self) -> int:
        """Bytes on disk now; looks at every entry."""
        return sum(shard.used() for shard in self._shards)

    def counted(self) -> int:
        """Bytes on disk by the shards' counts; at most a sweep's time too high."""
        return sum(shard.counted() for shard in self._shards)

    def _shard(self, key: FrameKey) -> Shard:
        return self._shards[key.digest[0] % len(self._shards)]

    def _too_old(self, made_ns: int, now_ns: int) -> bool:
        # Made in the future: the clock was set back, so nothing is known of its age.
        return not 0 <= now_ns - made_ns + _SECOND_NS < self._max_age_ns + _SECOND_NS

    def _begin_generation(self) -> None:
        self._folder.mkdir(0o700, parents=True, exist_ok=True)
        temporary = self._folder / f"generation.{uuid4()}"
        temporary.touch()
        temporary.rename(self._generation)

    def _remove(self, unwanted: Callable[[Entry], bool]) -> int:
        return sum(shard.remove(unwanted) for shard in self._shards)
