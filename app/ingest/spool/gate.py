"""Whether batches go to the broker now: what one thread learnt, all others need not wait for."""

from __future__ import annotations

import threading
from typing import Literal

import structlog

Reason = Literal["down", "memory"]
"""Why the broker takes no batches: it does not answer, or uses more memory than its mark."""

_log = structlog.get_logger(__name__)


class Gate:
    """Open at first. Thread-safe; logs when it shuts and opens, not how often it is told so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: Reason | None = None

    @property
    def shut_for(self) -> Reason | None:
        """Why it is shut; None while it is open."""
        return self._reason

    def shut(self, reason: Reason, detail: str) -> None:
        with self._lock:
            if self._reason != reason:
                self._reason = reason
                _log.warning("spooling_starts", reason=reason, detail=detail)

    def open(self) -> None:
        with self._lock:
            if self._reason is not None:
                self._reason = None
                _log.info("spooling_ends")
