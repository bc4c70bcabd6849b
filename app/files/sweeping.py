"""Removing what is too old from the cache, though nobody asks for it."""

from __future__ import annotations

import threading

import structlog

from storage.files.cache.frames import FrameCache

log = structlog.get_logger(__name__)

_LONGEST_SECONDS = 60.0
_SHORTEST_SECONDS = 1.0
_SHARE_OF_AGE = 0.1


def start_sweeping(cache: FrameCache, max_age: float) -> threading.Thread:
    """Sweep for as long as the process lives; erased bytes are gone a tenth of ``max_age``, or a
    minute, after they became too old to be given.
    """
    pause = min(_LONGEST_SECONDS, max(_SHORTEST_SECONDS, max_age * _SHARE_OF_AGE))
    thread = threading.Thread(target=_sweep, args=(cache, pause), name="sweep", daemon=True)
    thread.start()
    return thread


def _sweep(cache: FrameCache, pause: float) -> None:
    never = threading.Event()
    while True:
        try:
            cache.sweep()
        except Exception:
            # Must not end: bytes that were erased would stay.
            log.exception("sweep_failed")
        never.wait(pause)
