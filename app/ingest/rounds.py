"""What a web process does once a second beside its requests, in one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from storage.errors import StoreDown

SECONDS = 1.0
"""How long a process waits between rounds."""

_log = structlog.get_logger(__name__)


class Rounds:
    """Runs steps in order, again and again, from the first :meth:`begin` on; thread-safe.

    The thread is a daemon. A step that meets a store that is away raises :class:`StoreDown`, and is
    done again in the next round: what it knew stands. The last round is that of :meth:`close`.
    """

    def __init__(self, steps: Sequence[Callable[[], None]]) -> None:
        self._steps = steps
        self._blind = False
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start the thread, the first time."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sluice-rounds", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop the thread, after a last round."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._round()
            self._closed.wait(SECONDS)
        self._round()

    def _round(self) -> None:
        blind = False
        for step in self._steps:
            try:
                step()
            except StoreDown as error:
                blind = True
                if not self._blind:
                    _log.warning("round_failed", step=step.__qualname__, reason=error.detail)
            except Exception:  # a bug must not end the thread: all would stay as it is for ever
                _log.exception("round_failed", step=step.__qualname__)
        self._blind = blind
