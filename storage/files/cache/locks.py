"""Folders of the cache, and locks of files with patience: a holder that hangs must not hang all."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from pathlib import Path

_PRIVATE = 0o700
_FIRST_WAIT, _LONGEST_WAIT = 0.001, 0.02


def private_folder(path: Path) -> Path:
    """``path``, made if need be; it and its parent are for this user alone."""
    for folder in (path.parent, path):
        folder.mkdir(_PRIVATE, parents=True, exist_ok=True)
    return path


def acquire(
    handle: int,
    patience: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Lock an open file for this handle alone, within ``patience`` seconds; whether it is locked.

    Closing the handle lets go, and so does the kernel when the process is killed.
    """
    deadline, wait = clock() + patience, _FIRST_WAIT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock() >= deadline:
                return False
            sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
        else:
            return True
