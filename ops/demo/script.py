"""The events of the story in order of time: as many as are asked for, the same for a seed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from random import Random

from events.limits import Limits
from events.otlp.messages import TRACES
from events.otlp.split import split
from ops.demo.crashes import crash_body, values_of
from ops.demo.faults import FAULTS, Fault
from ops.demo.launches import AN_ITEM, sessions_body
from ops.demo.levels import Host
from ops.demo.people import Crowd
from ops.demo.requests import Served, any_operation, export, operation_at
from ops.demo.story import API, APP, BAD_DEPLOY, SERVERS, WEB, Span, release, traffic
from ops.demo.visits import Visit

#: Of all events, those that are crashes.
CRASH_SHARE = 0.06
#: Of all events, those that are spans of the API's requests, what its servers measure, and how
#: sessions of the app ended. All others are of real users.
TRACE_SHARE, LEVEL_SHARE, SESSION_SHARE = 0.05, 0.03, 0.01
#: Of all events, those that no stage can take: they end as dead letters.
DEAD_SHARE = 1 / 1500
#: Of the visits that are recorded, those that meet a crash: usually, and on the broken release.
_STRUCK, _STRUCK_BADLY = 0.009, 0.09
_NAMES_ITS_VISIT = 0.7
#: Of the requests that a traced fault ended, those of which there is the trace.
_SAMPLED = 0.6
_HOUR_MS = 3_600_000
_EVENTS_A_PERSON = 45
_FEWEST_PEOPLE = 150
_FEWEST_REQUESTS, _MOST_REQUESTS = 8, 16
#: The last of the servers has more to do than the others.
_HOTTER = 1.3
_LIMITS = Limits(max_event_bytes=1 << 20, max_depth=500)


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


@dataclass(frozen=True, slots=True)
class _Due:
    """How many events of each kind an hour has; ``reports`` are of real users."""

    crashes: int
    traces: int
    levels: int
    sessions: int
    reports: int


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
    machines = [float(end - start) for start, end in bounds]
    told = [
        (round(events * CRASH_SHARE), faulty),
        (round(events * TRACE_SHARE), crowds),
        (round(events * LEVEL_SHARE), machines),
        (round(events * SESSION_SHARE), crowds),
    ]
    told.append((events - sum(amount for amount, _ in told), crowds))
    plan = zip(*(shared(amount, weights) for amount, weights in told), strict=True)
    for (start, end), due in zip(bounds, plan, strict=True):
        teller.hour(start, end, _Due(*due))
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
        people = max(_FEWEST_PEOPLE, events // _EVENTS_A_PERSON)
        self._crowd = Crowd(self._rng, people)
        # Real users are a sample of all who come; whoever meets a crash reports it.
        self._unrecorded = Crowd(self._rng, 2 * people, people)
        self._ahead: list[Told] = []
        self._order = count()
        hotter = [1.0] * (len(SERVERS) - 1) + [_HOTTER]
        self._hosts = cycle(
            Host(name, span.start_ms, more) for name, more in zip(SERVERS, hotter, strict=True)
        )

    def hour(self, start: int, end: int, due: _Due) -> None:
        """Make the events that begin within an hour."""
        struck = [
            visit
            for visit in self._visits(start, end, due.reports)
            if self._rng.random() < (_STRUCK_BADLY if visit.release == BAD_DEPLOY else _STRUCK)
        ]
        share = self._span.share(start)
        rates = [fault.rate(release(fault.app, share)) for fault in FAULTS]
        traces = due.traces
        for fault in self._rng.choices(FAULTS, rates, k=due.crashes):
            at = self._rng.randint(start, end - 1)
            if fault.traced:
                sampled = traces > 0 and self._rng.random() < _SAMPLED
                self._requests(at, fault, sampled=sampled)
                traces -= sampled
            else:
                self._crash(fault, at, struck)
        for _ in range(traces):
            self._requests(self._rng.randint(start, end - 1))
        for place in range(due.levels):
            at = start + (place + 1) * (end - start) // due.levels - 1
            body = next(self._hosts).export(self._rng, self._span, at)
            self._add(at, API, "metric", "otlp.metrics.proto", body)
        for _ in range(due.sessions):
            self._sessions(self._rng.randint(start, end - 1))

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
                self._add(report.at_ms, WEB, "rum", "raygun.rum", report.body)
                reports -= 1
                if not reports:
                    break
        return visits

    def _crash(self, fault: Fault, at: int, struck: list[Visit]) -> None:
        """A crash of one of the visits that are struck, which is taken out, else of somebody."""
        session = None
        if fault.app != WEB:
            who = self._crowd.one()
        elif struck:
            visit = struck.pop()
            at = self._rng.randint(visit.started_ms, visit.ended_ms)
            who = visit.who
            session = visit.session_id if self._rng.random() < _NAMES_ITS_VISIT else None
        else:
            who = self._unrecorded.one()
        body = crash_body(self._rng, fault, at, self._release(fault.app, at), who, session)
        self._add(at, fault.app, "crash", "raygun.entry", body)

    def _requests(self, at: int, fault: Fault | None = None, *, sampled: bool = True) -> None:
        """What a server exports of some requests, as the door takes it: an event of spans, and one
        of the fault that ended one of them. Of what is not ``sampled`` there is the fault alone.
        """
        rng = self._rng
        many = rng.randint(_FEWEST_REQUESTS, _MOST_REQUESTS) if sampled else 1
        served = [Served(any_operation(rng), self._crowd.one()) for _ in range(many)]
        if fault is not None:
            values = values_of(rng)
            operation, message = operation_at(fault.path), fault.message.format(**values)
            served[-1] = Served(operation, self._crowd.one(), fault, message, values["ms"])
        body = export(rng, at, self._release(API, at), served)
        for part in split(TRACES, "proto", body, _LIMITS).parts:
            if sampled or part.event_type == "crash":
                self._add(at, API, part.event_type, part.protocol, part.body)

    def _sessions(self, at: int) -> None:
        people = [self._crowd.one() for _ in range(AN_ITEM)]
        body = sessions_body(self._rng, at, self._span.start_ms, self._release(APP, at), people)
        self._add(at, APP, "metric", "sentry.sessions", body)

    def _add(self, at_ms: int, app: str, kind: str, protocol: str, body: bytes) -> None:
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
        if how == "wrapped":
            return protocol, b"[" + body + b"]"
        return f"{protocol.partition('.')[0]}.beta", body

    def _release(self, app: str, at_ms: int) -> str:
        return release(app, self._span.share(at_ms))
