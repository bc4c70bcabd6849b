"""The Lua scripts: every change of a queue is one of them, so that a kill never splits it."""

from __future__ import annotations

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
