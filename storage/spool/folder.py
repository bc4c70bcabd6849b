"""The spool's folder in the home: segments of all web processes, and what was set aside.

``<home>/spool/<uuid>.segment``; names are UUIDv7, so they order by age. ``quarantine/`` beside
them holds segments of which some bytes cannot be read.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

SUFFIX = ".segment"
QUARANTINE = "quarantine"
REFUSED = "refused"


def spool_folder(home: Path) -> Path:
    """Where the spool of a home lies."""
    return home / "spool"


def segment_path(folder: Path, segment_id: UUID) -> Path:
    """The file of a segment."""
    return folder / f"{segment_id}{SUFFIX}"


def segment_mark(path: Path) -> bytes:
    """The mark of a segment's records: the id its name tells."""
    return UUID(path.name.removesuffix(SUFFIX)).bytes


def segment_paths(folder: Path) -> list[Path]:
    """Segments of a folder, oldest first; none when there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if _is_segment(path.name))
    except FileNotFoundError:
        return []


def used_bytes(folder: Path) -> int:
    """Bytes of all segments, of every process."""
    return sum(size_of(path) for path in segment_paths(folder))


def size_of(path: Path) -> int:
    """Bytes of a file; 0 once another process has removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def make_folder(folder: Path) -> None:
    """Create the folders, for their owner only; raises ``OSError``."""
    if not (folder / QUARANTINE).is_dir():
        for path in (folder, folder / QUARANTINE):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder as durable as the files; raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_segment(name: str) -> bool:
    if not name.endswith(SUFFIX):
        return False
    try:
        UUID(name.removesuffix(SUFFIX))
    except ValueError:
        return False
    return True
