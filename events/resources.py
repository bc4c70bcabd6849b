"""What a page's events loaded beside it, as a line each: requests, assets, custom timings.

A search document carries the lines unindexed, for whoever shows the page: a nested object a
resource would cost the index as much as an event does.
"""

from __future__ import annotations

from typing import NamedTuple

from events.report import Timing
from events.text import clip

MOST_RESOURCES = 60
_NAME_CHARS = 300
_FIELDS = 6


class Resource(NamedTuple):
    """One request, asset or custom timing; times in ms, ``size`` in bytes."""

    kind: str
    ms: float | None
    start_ms: float | None
    size: int | None
    status: int | None
    name: str


def resource_line(timing: Timing) -> str:
    """A timing as one line, back through :func:`read_resource`."""
    numbers = (timing.value, timing.start_ms, timing.size, timing.status)
    shown = ("" if number is None else f"{number:.15g}" for number in numbers)
    name = " ".join(clip(timing.name or "", _NAME_CHARS).split())
    return "\t".join((timing.kind, *shown, name))


def read_resource(line: str) -> Resource | None:
    """Back from :func:`resource_line`; null for a line that was cut, or is none."""
    parts = line.split("\t")
    if len(parts) != _FIELDS:
        return None
    kind, ms, start, size, status, name = parts
    try:
        return Resource(kind, _real(ms), _real(start), _whole(size), _whole(status), name)
    except ValueError:
        return None


def _real(text: str) -> float | None:
    return float(text) if text else None


def _whole(text: str) -> int | None:
    return int(float(text)) if text else None
