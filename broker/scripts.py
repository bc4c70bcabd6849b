"""The Lua scripts: every change of a queue is one of them, so that a kill never splits it."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import redis

_FOLDER = Path(__file__).parent / "scripts"

#: A message whose worker died this often is parked.
PARK_AFTER = 5


@cache
def source(name: str) -> str:
    """Text of a script."""
    return (_FOLDER / f"{name}.lua").read_text(encoding="ascii")


def run(client: redis.Redis[bytes], name: str, *args: object) -> Any:
    """Run a script; raises what the client raises.

    The text goes with every call: a broker that restarts has forgotten what it was taught, and a
    kilobyte costs less than a second way to call.
    """
    return client.eval(source(name), 0, *args)  # type: ignore[no-untyped-call]


class Line:
    """A connection of its own for each thread that runs scripts often.

    Without the client's pool, hooks and health checks between a call and the socket: 115 of 210 µs
    a call. Whatever fails, the connection is made anew for the next call.
    """

    def __init__(self, client: redis.Redis[bytes]) -> None:
        self._pool = client.connection_pool
        self._threads = threading.local()

    def run(self, name: str, *args: object) -> Any:
        """Run a script; raises what the client raises, also when the answer was lost."""
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = self._pool.make_connection()
        try:
            connection.send_command("EVAL", source(name), 0, *args)
            return connection.read_response()
        except BaseException:
            connection.disconnect()
            raise
