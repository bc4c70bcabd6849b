"""A backlog in the broker, made as the web tier makes it but without HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from bench.ground import Ground
from bench.payloads import CrashSource
from events.envelope import Envelope
from events.ids import new_id, now_ms

QUEUE = "crash.files"
MESSAGE_EVENTS = 32
"""Events a message: about what group commit makes of 64 connections in two web processes."""


def fill(place: Ground, source: CrashSource, events: int) -> None:
    """Publish crashes; returns when the broker holds them all."""
    broker = place.broker
    for size in _sizes(events):
        envelopes = [
            Envelope(new_id(now_ms()), place.project_id, "crash", "raygun.entry", source.crash())
            for _ in range(size)
        ]
        broker.publish("crash", new_id(now_ms()), envelopes)


def fill_list(place: Ground, name: str, source: CrashSource, events: int) -> None:
    """Push raw crashes on a Redis list, for baselines that speak no queue protocol."""
    with place.redis() as client:
        for size in _sizes(events):
            client.rpush(name, *(source.crash() for _ in range(size)))


def waiting(place: Ground) -> int:
    """Events in all queues: ready, reserved and parked."""
    return sum(queue.events for queue in place.broker.queues())


def _sizes(events: int) -> Iterator[int]:
    whole, rest = divmod(events, MESSAGE_EVENTS)
    yield from [MESSAGE_EVENTS] * whole
    if rest:
        yield rest
