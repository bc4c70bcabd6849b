"""Processes of an earlier run: told apart from strangers, and ended.

A launcher leads a process group of its own, and writes down its id, its start time in ticks
since boot, and the boot. While a group has members Linux gives its number to no new process,
so a group is ours unless a stranger with another start time leads it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A process as it was seen at its start.

    ``at`` is seconds of the monotonic clock; ``stop_signal`` is how it wants to be ended, and
    ``stop_seconds`` how long that may take.
    """

    pid: int
    ticks: int
    boot: str
    at: float
    stop_signal: str
    stop_seconds: int


def write_sighting(path: Path, stop_signal: str, stop_seconds: int) -> None:
    """Write down the calling process, which leads its group."""
    pid = os.getpid()
    seen = _stat(pid)
    ticks = seen[1] if seen else 0
    boot = _BOOT_ID.read_text().strip()
    seen_now = Sighting(pid, ticks, boot, time.monotonic(), stop_signal, stop_seconds)
    path.write_text(json.dumps(asdict(seen_now)))


def read_sighting(path: Path) -> Sighting | None:
    """The sighting of this boot, or ``None``: of an earlier boot nothing can be alive."""
    try:
        seen = Sighting(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return seen if seen.boot == _BOOT_ID.read_text().strip() else None


def members(sighting: Sighting) -> list[int]:
    """Living processes of the sighting's group, its leader first."""
    leader = _stat(sighting.pid)
    if leader is not None and leader[1] != sighting.ticks:
        return []
    found = []
    for entry in Path("/proc").iterdir():
        seen = _stat(int(entry.name)) if entry.name.isdigit() else None
        if seen is not None and seen[0] == sighting.pid and seen[1] >= sighting.ticks:
            found.append(int(entry.name))
    return sorted(found, key=lambda pid: (pid != sighting.pid, pid))


def alive(folder: Path) -> int:
    """How many processes live of the groups whose sightings are in a folder."""
    seen = (read_sighting(path) for path in folder.glob("*.pid"))
    return sum(len(members(sighting)) for sighting in seen if sighting)


def end_groups(sightings: Iterable[Sighting], *, at_once: bool = False) -> int:
    """End the groups: the stop signal to their leaders, KILL to all when their seconds are over.

    With ``at_once`` nobody is asked. Returns how many processes there were; none is left.
    """
    groups = [sighting for sighting in sightings if members(sighting)]
    total = sum(len(members(sighting)) for sighting in groups)
    begun = time.monotonic()
    if not at_once:
        for sighting in groups:
            _signal(members(sighting)[:1], signal.Signals[f"SIG{sighting.stop_signal}"])
    while groups:
        for sighting in groups:
            if at_once or time.monotonic() - begun >= sighting.stop_seconds:
                _signal(members(sighting), signal.SIGKILL)
        time.sleep(0.02)
        groups = [sighting for sighting in groups if members(sighting)]
    return total


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it went by itself meanwhile
            os.kill(pid, number)


def _stat(pid: int) -> tuple[int, int] | None:
    """Group and start time in ticks of a process that runs; ``None`` if gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else (int(fields[2]), int(fields[19]))
