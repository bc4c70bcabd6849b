"""A part of the disk cache: a folder with a bound of its own, changed by one process at a time.

The file ``.used`` is both the lock and the count of bytes. The count is raised before an entry
appears and lowered after entries went, so a process killed at any instant leaves it too high at
worst; the next eviction counts what is really there.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from storage.files.cache.locks import acquire, private_folder

_USED = ".used"
_COUNT = struct.Struct("<Q")
_TEMPORARY = ".new-"
# Below the bound, so that an eviction makes room for many entries.
_KEPT_SHARE = 0.9
# A reader has its bytes already; it need not wait long to keep them.
_ADD_PATIENCE = 0.25
_REMOVE_PATIENCE = 30.0


class Entry(NamedTuple):
    """A file of a shard. ``used_ns`` is when it was last used, ``made_ns`` when it was written."""

    used_ns: int
    made_ns: int
    bytes: int
    path: Path


class Shard:
    """Every method raises ``OSError`` when the disk does not do what it should."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def path(self, name: str) -> Path:
        """Where the entry of a name lies."""
        return self._folder / name

    def add(self, name: str, data: bytes, now_ns: int, still_wanted: Callable[[], bool]) -> bool:
        """Let an entry appear, whole or not at all; False when it may not, or is there already."""
        if len(data) > self._limit:
            return False
        with self._locked(_ADD_PATIENCE) as count:
            path = self.path(name)
            if count is None or not still_wanted() or path.exists():
                return False
            used = self._make_room(count, len(data))
            _write_count(count, used + len(data))
            self._write(path, data, now_ns)
        return True

    def remove(self, unwanted: Callable[[Entry], bool]) -> int:
        """Remove the entries of which ``unwanted`` is true; how many bytes went."""
        if not self._folder.exists():
            return 0
        with self._locked(_REMOVE_PATIENCE) as count:
            if count is None:
                raise TimeoutError(f"another process holds {self._folder}")
            entries = list(self._entries())
            gone = [entry for entry in entries if unwanted(entry)]
            freed = _unlink_all(gone)
            _write_count(count, sum(entry.bytes for entry in entries) - freed)
        return freed

    def used(self) -> int:
        """Bytes of the entries that are there; looks at each."""
        return sum(entry.bytes for entry in self._entries())

    def counted(self) -> int:
        """Bytes by the count, which a removal sets right: at most a sweep's time too high."""
        try:
            return _read_count((self._folder / _USED).read_bytes()) or 0
        except FileNotFoundError:
            return 0

    @contextmanager
    def _locked(self, patience: float) -> Iterator[int | None]:
        """The open count, or null when another holds the shard for longer than ``patience``."""
        count = os.open(
            private_folder(self._folder) / _USED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            yield count if acquire(count, patience) else None
        finally:
            os.close(count)

    def _make_room(self, count: int, size: int) -> int:
        """Evict what was used least recently, when there is no room; the bytes used then."""
        known = _read_count(os.pread(count, _COUNT.size, 0))
        if known is not None and known + size <= self._limit:
            return known
        entries = sorted(self._entries())
        used = sum(entry.bytes for entry in entries)
        room = max(0, int(self._limit * _KEPT_SHARE) - size)
        for entry in entries:
            if used <= room:
                break
            used -= _unlink_all([entry])
        return used

    def _write(self, path: Path, data: bytes, now_ns: int) -> None:
        # One name is enough: only who holds the lock writes, and what a killed one left is
        # written over.
        temporary = self.path(_TEMPORARY)
        temporary.write_bytes(data)
        os.utime(temporary, ns=(now_ns, now_ns))
        temporary.rename(path)

    def _entries(self) -> Iterator[Entry]:
        with suppress(FileNotFoundError), os.scandir(self._folder) as found:
            for item in found:
                if item.name == _USED:
                    continue
                with suppress(FileNotFoundError):  # a reader removed it: damaged, or too old
                    seen = item.stat()
                    yield Entry(seen.st_atime_ns, seen.st_mtime_ns, seen.st_size, Path(item.path))


def _read_count(written: bytes) -> int | None:
    """Null for a count that a new or damaged file does not have."""
    return int(_COUNT.unpack(written)[0]) if len(written) == _COUNT.size else None


def _write_count(count: int, used: int) -> None:
    os.pwrite(count, _COUNT.pack(max(0, used)), 0)


def _unlink_all(entries: list[Entry]) -> int:
    freed = 0
    for entry in entries:
        with suppress(FileNotFoundError):
            entry.path.unlink()
        freed += entry.bytes
    return freed
