"""How many events the spool has refused: one number a home, shared by its processes.

Kept in a file because nobody else can count then: the broker is away, and this process may be
restarted before it is back. The file is made before the disk is full, and written in place.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)
_DIGITS = 20


class Refusals:
    """The counter in a file. Safe between threads and processes; not synced to the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, events: int) -> None:
        """Count; a file system that refuses even this is logged with the number."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                total = _number(os.pread(descriptor, _DIGITS, 0)) + events
                os.pwrite(descriptor, f"{total:0{_DIGITS}d}".encode(), 0)
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.error("spool_refusals_uncounted", events=events, error=str(error))

    def total(self) -> int:
        """Events refused since the home was made."""
        try:
            return _number(self._path.read_bytes())
        except FileNotFoundError:
            return 0


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0
