"""The events of the story in order of time: as many as are asked for, the same for a seed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from ops.demo.crashes import crash_body
from ops.demo.faults import FAULTS, Fault
from ops.demo.people import Crowd
from ops.demo.story import WEB, Span, release, traffic
from ops.demo.visits import Visit

#: Of all events, those that are crashes.
CRASH_SHARE = 0.15
#: Of all events, those that no stage can take: they end as dead letters.
DEAD_SHARE = 1 / 1500
_IN_A_VISIT = 0.7
_HOUR_MS = 3_600_000
_EVENTS_A_PERSON = 45
_FEWEST_PEOPLE = 150


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """An event of the story: when, of which application, and what its SDK sent."""

    at_ms: int
    order: int
    app: str = field(compare=False)
    type: str = field(compare=False)
    protocol: str = field(compare=False)
    body: bytes = field(compare=False)
    dead: bool = field(compare=False, default=False)


def script(events: int, span: Span, seed: int) -> Iterator[Told]:
    """So many events, in order of time; none of them before or after the span."""
    teller = _Teller(span, seed, events)
    hours = range(span.start_ms, span.end_ms, _HOUR_MS)
    bounds = [(start, min(start + _HOUR_MS, span.end_ms)) for start in hours]
    crowds = [traffic(span, start) * (end - start) for start, end in bounds]
    faulty = [
        people * sum(fault.rate(release(fault.app, span.share(start))) for fault in FAULTS)
        for people, (start, _) in zip(crowds, bounds, strict=True)
    ]
    crashes = round(events * CRASH_SHARE)
    plan = zip(bounds, shared(crashes, faulty), shared(events - crashes, crowds), strict=True)
    for (start, end), of_crashes, of_visits in plan:
        teller.hour(start, end, of_crashes, of_visits)
        yield from teller.until(end)
    yield from teller.rest()


def shared(amount: int, weights: Sequence[float]) -> list[int]:
    """An amount in whole parts by weight, none of it lost."""
    whole, given, parts, weight = sum(weights), 0, [], 0.0
    for one in weights:
        weight += one
        part = round(amount * weight / whole) - given
        parts.append(part)
        given += part
    return parts


class _Teller:
    def __init__(self, span: Span, seed: int, events: int) -> None:
        self._rng = Random(seed)  # noqa: S311 - a story, no secret
        self._span = span
        self._crowd = Crowd(self._rng, max(_FEWEST_PEOPLE, events // _EVENTS_A_PERSON))
        self._ahead: list[Told] = []
        self._order = count()

    def hour(self, start: int, end: int, crashes: int, reports: int) -> None:
        """Make the events that begin within an hour."""
        visits = self._visits(start, end, reports)
        share = self._span.share(start)
        rates = [fault.rate(release(fault.app, share)) for fault in FAULTS]
        for fault in self._rng.choices(FAULTS, rates, k=crashes):
            self._crash(fault, self._rng.randint(start, end - 1), visits)

    def until(self, end: int) -> Iterator[Told]:
        """What is over by a moment, in order."""
        while self._ahead and self._ahead[0].at_ms < end:
            yield heapq.heappop(self._ahead)

    def rest(self) -> Iterator[Told]:
        """What is left."""
        while self._ahead:
            yield heapq.heappop(self._ahead)

    def _visits(self, start: int, end: int, reports: int) -> list[Visit]:
        visits: list[Visit] = []
        while reports:
            at = self._rng.randint(start, end - 1)
            visit = Visit(self._rng, self._crowd.one(), at, self._release(WEB, at))
            visits.append(visit)
            for report in visit.reports():
                self._add(report.at_ms, WEB, "rum", report.body)
                reports -= 1
                if not reports:
                    break
        return visits

    def _crash(self, fault: Fault, at: int, visits: Sequence[Visit]) -> None:
        session = None
        if fault.app == WEB and visits and self._rng.random() < _IN_A_VISIT:
            visit = self._rng.choice(visits)
            at = self._rng.randint(visit.started_ms, visit.ended_ms)
            who, session = visit.who, visit.session_id
        else:
            who = self._crowd.one()
        named = session if self._rng.random() < _IN_A_VISIT else None
        body = crash_body(self._rng, fault, at, self._release(fault.app, at), who, named)
        self._add(at, fault.app, "crash", body)

    def _add(self, at_ms: int, app: str, kind: str, body: bytes) -> None:
        protocol = "raygun.entry" if kind == "crash" else "raygun.rum"
        dead = self._rng.random() < DEAD_SHARE
        if dead:
            protocol, body = self._spoilt(protocol, body)
        at = min(at_ms, self._span.end_ms - 1)
        told = Told(at, next(self._order), app, kind, protocol, body, dead)
        heapq.heappush(self._ahead, told)

    def _spoilt(self, protocol: str, body: bytes) -> tuple[str, bytes]:
        """An event that no stage can take: cut off on its way, wrapped by a proxy, or of an SDK
        that nobody knows.
        """
        how = self._rng.choices(("cut", "wrapped", "unknown"), (6, 3, 2))[0]
        if how == "cut":
            return protocol, body[: len(body) * 2 // 3]
        return (protocol, b"[" + body + b"]") if how == "wrapped" else ("raygun.beta", body)

    def _release(self, app: str, at_ms: int) -> str:
        return release(app, self._span.share(at_ms))
