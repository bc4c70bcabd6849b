"""A backlog in the broker, made as the web tier makes it but without HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from bench.ground import Ground
from bench.kinds import CRASH, Kind, Source
from events.envelope import Envelope
from events.ids import new_id, now_ms

MESSAGE_EVENTS = 32
"""Events a message: about what group commit makes of 64 connections in two web processes."""


def fill(place: Ground, source: Source, events: int, kind: Kind = CRASH) -> None:
    """Publish events; returns when the broker holds them all."""
    broker = place.broker
    for size in _sizes(events):
        envelopes = [
            Envelope(
                new_id(now_ms()), place.project_id, kind.event_type, kind.protocol, source.body()
            )
            for _ in range(size)
        ]
        broker.publish(kind.event_type, new_id(now_ms()), envelopes)


def fill_list(place: Ground, name: str, source: Source, events: int) -> None:
    """Push raw payloads on a Redis list, for baselines that speak no queue protocol."""
    with place.redis() as client:
        for size in _sizes(events):
            client.rpush(name, *(source.body() for _ in range(size)))


def waiting(place: Ground) -> int:
    """Events in all queues: ready, reserved and parked."""
    return sum(queue.events for queue in place.broker.queues())


def _sizes(events: int) -> Iterator[int]:
    whole, rest = divmod(events, MESSAGE_EVENTS)
    yield from [MESSAGE_EVENTS] * whole
    if rest:
        yield rest
