"""Becomes a program: ends what its last run left, waits out a crash loop, writes itself down.

Run as ``python -m ops.supervision.launch SHEET``. Ending leftovers matters when a parent was
killed alone: the Java server of Elasticsearch or the children of a worker would outlive it,
holding the port and the lock its successor needs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from ops.supervision.leftovers import Sighting, end_groups, read_sighting, write_sighting

#: A program that died within this many seconds of its start waits as long before the next.
CRASH_LOOP_SECONDS = 2.0


def crash_loop_wait(previous: Sighting | None, now: float) -> float:
    """Seconds to wait so that starts lie ``CRASH_LOOP_SECONDS`` apart."""
    if previous is None:
        return 0.0
    return max(0.0, CRASH_LOOP_SECONDS - (now - previous.at))


def main(sheet_path: str) -> None:
    """Read the launch sheet and replace this process by its program; does not return."""
    sheet = json.loads(Path(sheet_path).read_bytes())
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    path = Path(sheet["sighting"])
    previous = read_sighting(path)
    if previous is not None and previous.pid != os.getpid():
        end_groups([previous], at_once=True)
    time.sleep(crash_loop_wait(previous, time.monotonic()))
    write_sighting(path, sheet["stop_signal"], sheet["stop_seconds"])
    os.chdir(sheet["directory"])
    environment = {**os.environ, **sheet["environment"]}
    os.execvpe(sheet["argv"][0], sheet["argv"], environment)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1])
