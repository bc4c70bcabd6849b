"""Drives an erasure in a process of its own, and dies by SIGKILL before or after a call of its.

Usage: ``eraser_process.py ERASURE [before|after CALL]``, CALL a name of ``CALLS``; without one it
drives until bytes are all that is left.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

from broker.parked import Parked
from config.settings import load_settings
from storage.blobs import Blobs
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.erasure_traces import Traces
from storage.sql.erasures import Erasures
from workbench.erasure.opening import open_erasing

#: What an erasure does to stores, in about the order in which it first does.
CALLS: dict[str, tuple[type, str]] = {
    "move": (Erasures, "move"),
    "erase": (Erasures, "erase"),
    "delete": (SearchStore, "delete"),
    "blobs": (Blobs, "erase_of_event"),
    "mark_unindexed": (Traces, "mark_unindexed"),
    "settle": (Erasures, "settle"),
    "replace": (Parked, "replace"),
}


def dying(moment: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, and the end of this process before it or after it."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if moment == "after":
            call(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


def main(erasure_id: UUID, moment: str | None = None, name: str | None = None) -> None:
    if moment and name:
        owner, attribute = CALLS[name]
        setattr(owner, attribute, dying(moment, getattr(owner, attribute)))
    settings = load_settings(os.environ)
    database = Database(settings.postgres_dsn, timeout=60)
    erasing = open_erasing(settings, database, FileStore(settings), SearchStore(settings))
    while True:
        erasure = erasing.driver.step(erasure_id)
        assert erasure is not None
        if erasure.state in ("rewriting", "cooling", "finished"):
            return


if __name__ == "__main__":
    main(UUID(sys.argv[1]), *sys.argv[2:])
