"""Reading a trace: where its spans and logs lie, what they are, and which crashes it has."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.api.endpoint import Desk
from app.errors import ApiError, not_found
from app.raw import read_raw
from events.crash import trace_uuid
from events.envelope import Envelope
from events.otlp.attributes import user_of
from events.record import Malformed
from events.telemetry import Log, Span
from events.trace import read_trace
from events.waterfall import Waterfall, waterfall
from storage.sql.events import StoredEvent
from storage.sql.traces import TraceCrash

MAX_EVENTS = 400
"""Of one trace. An event holds up to a thousand spans of it."""
MAX_SHOWN = 5_000
MAX_CRASHES = 100
READ_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """What SQL knows of a trace: the events that have something of it, the first of ``cut`` where
    there are more than are read, and its crashes.
    """

    trace_id: str
    events: Sequence[StoredEvent]
    crashes: Sequence[TraceCrash]
    cut: bool = False


@dataclass(slots=True)
class Spans:
    """The spans and logs of a trace, as far as its events were read; ``notes`` say what was not.

    Of the span at a place, ``events`` and ``services`` at the same place tell whose it is.
    """

    trace_id: str
    spans: list[Span] = field(default_factory=list)
    events: list[StoredEvent] = field(default_factory=list)
    services: list[str | None] = field(default_factory=list)
    logs: list[tuple[StoredEvent, Log]] = field(default_factory=list)
    users: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, event: StoredEvent, body: bytes) -> None:
        """Take what an event has of the trace. Raises :class:`Malformed`."""
        item = read_trace(Envelope(event.id, event.project_id, event.type, event.protocol, body))
        mine = [span for span in item.spans if span.trace_id == self.trace_id]
        logged = [(event, log) for log in item.logs if log.trace_id == self.trace_id]
        self.spans += mine
        self.events += [event] * len(mine)
        self.services += [item.origin.service] * len(mine)
        self.logs += logged
        if mine or logged:
            told = (item.origin.user, *(user_of(span.attributes) for span in mine if span.segment))
            self.users.update((user.key, None) for user in told if user.key)

    def placed(self, most: int = MAX_SHOWN) -> Waterfall:
        """The first spans at their places."""
        return waterfall(self.spans, self.services, most)

    def logged(self, most: int = MAX_SHOWN) -> list[tuple[StoredEvent, Log]]:
        """The first logs in the order of time."""
        return sorted(self.logs, key=lambda one: one[1].at_ns or 0)[:most]


def find_trace(desk: Desk, trace_id: str, project_id: int | None) -> FoundTrace:
    """The trace of an id, in a project or, by null, in all that the caller sees.

    Raises ``ApiError`` 404 when nothing of it is there, and ``StoreDown``.
    """
    known = trace_uuid(trace_id)
    if known is None:
        raise not_found("trace")
    number, sees = UUID(known), desk.caller.sees
    ids = desk.stores.traces.events_of(number, project_id, MAX_EVENTS + 1)
    events = desk.stores.events.some("trace", ids[:MAX_EVENTS])
    crashes = desk.stores.traces.crashes_of(number, project_id, MAX_CRASHES)
    found = FoundTrace(
        number.hex,
        [one for one in events if sees(one.project_id)],
        [one for one in crashes if sees(one.project_id)],
        len(ids) > MAX_EVENTS,
    )
    if not found.events and not found.crashes:
        raise not_found("trace")
    return found


def read_spans(desk: Desk, found: FoundTrace, seconds: float = READ_SECONDS) -> Spans:
    """The trace's spans and logs, from the bytes of its events: of as many as can be read in so
    many seconds. Raises ``StoreDown`` where none can be read now.
    """
    read = Spans(found.trace_id)
    if found.cut:
        read.notes.append(f"the trace has more than {MAX_EVENTS} events: the first are read")
    deadline = time.monotonic() + seconds
    unreadable = 0
    for number, event in enumerate(found.events):
        if time.monotonic() > deadline:
            left = len(found.events) - number
            read.notes.append(f"{left} of its events were not read: it took too long")
            break
        try:
            read.add(event, read_raw(desk.stores.payloads, event))
        except (ApiError, Malformed):
            unreadable += 1
    if unreadable:
        read.notes.append(f"{unreadable} of its events cannot be read")
    return read


def notes_of(read: Spans, made: Waterfall, logs: int) -> list[str]:
    """What was not read of a trace, what of it is left out where so many logs are shown, and what
    was done about its times, for a person.
    """
    notes = [*read.notes]
    if made.total > len(made.placed):
        notes.append(f"the first {len(made.placed)} of {made.total} spans are shown")
    if len(read.logs) > logs:
        notes.append(f"the first {logs} of {len(read.logs)} log lines are shown")
    told = (
        (made.orphans, "spans whose parent is not there"),
        (made.skewed, "spans that were moved, since their machine's clock is off"),
        (made.ended_early, "spans that ended before they began, and count as 0 ms"),
    )
    return notes + [f"{what}: {count}" for count, what in told if count]
