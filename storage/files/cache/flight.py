"""One fetch at a time of the same thing, over all threads and processes of a node."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.files.cache.locks import acquire, private_folder

_STRIPES = 1024


class Flights:
    """Locks by name, as files: the kernel lets go of a killed process's, so none is ever stale.

    Names share a number of files; two that share one wait for each other, which is only slower.
    """

    def __init__(
        self,
        folder: Path,
        patience: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._patience = patience
        self._sleep = sleep
        self._clock = clock

    @contextmanager
    def one(self, name: str) -> Iterator[bool]:
        """Hold the name, waiting ``patience`` seconds at most; gives whether it is held.

        When it is not, its holder hangs, and whoever waited goes on without. Raises ``OSError``
        when the disk cannot be used.
        """
        path = private_folder(self._folder) / f"{zlib.crc32(name.encode()) % _STRIPES:03x}"
        # Opened anew by each caller, so that threads of a process exclude each other as well.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield acquire(handle, self._patience, self._sleep, self._clock)
        finally:
            os.close(handle)
