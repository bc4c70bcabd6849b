"""What processes cost: CPU seconds and memory of a process with all below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Watched:
    """A process and its children, under the name it has in results."""

    name: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of all that live below it, and of the children that ended."""
        total = 0.0
        for process in self._family():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def memory(self) -> list[Memory]:
        """Of each process below it, the parent first."""
        found = []
        for process in self._family():
            try:
                info = process.memory_full_info()
            except psutil.Error:
                continue
            found.append(Memory(process.pid, info.uss, info.pss, info.rss))
        return found

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one process: private, proportional set size, resident."""

    pid: int
    private: int
    proportional: int
    resident: int


class CpuMeter:
    """CPU seconds of some processes since it was made."""

    def __init__(self, watched: Iterable[Watched]) -> None:
        self._watched = list(watched)
        self._before = {item.name: item.cpu_seconds() for item in self._watched}

    def seconds(self) -> dict[str, float]:
        return {w.name: round(w.cpu_seconds() - self._before[w.name], 3) for w in self._watched}

    def per_thousand(self, events: int) -> dict[str, float]:
        """CPU seconds per 1,000 events, by process and in all."""
        spent = self.seconds()
        spent["all"] = sum(spent.values())
        return {name: round(seconds * 1000 / events, 4) for name, seconds in spent.items()}


def listening_pids() -> dict[int, int]:
    """Which process listens on which port of this machine; of several the oldest."""
    found: dict[int, int] = {}
    for connection in psutil.net_connections("inet"):
        if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr:
            port = connection.laddr.port
            found[port] = min(connection.pid, found.get(port, connection.pid))
    return found
