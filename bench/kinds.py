"""What a measurement may be of: an event type, where its payloads come from, and what is in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bench.payloads import CrashSource
from bench.telemetry import POINTS, SPANS, PointSource, SpanSource


class Source(Protocol):
    """An endless stream of payloads."""

    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """``parts`` are what a person counts in one event: ``noun`` says of what."""

    event_type: str
    protocol: str
    source: Callable[[int], Source]
    noun: str
    parts: int = 1

    @property
    def queue(self) -> str:
        """The queue that its events enter."""
        return f"{self.event_type}.files"


CRASH = Kind("crash", "raygun.entry", CrashSource, "events")
KINDS = {
    "crash": CRASH,
    "trace": Kind("trace", "otlp.traces.proto", SpanSource, "spans", SPANS),
    "metric": Kind("metric", "otlp.metrics.proto", PointSource, "points", POINTS),
}
