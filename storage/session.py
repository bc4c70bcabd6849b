"""Sessions of real users: what lists and timelines show, and whose crashes they are; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from events.resources import Resource

#: After so long without an event raygun4js begins another session.
IDLE = timedelta(minutes=30)
#: A crash may be reported so long before the first event of its session that is sent.
EARLY = timedelta(minutes=1)
#: A pause of a session that a timeline marks.
LONG_PAUSE = timedelta(minutes=5)
#: A device's clock that differs by more from ours is told of.
SKEW = timedelta(seconds=90)

LinkedBy = Literal["session", "user and time"]


@dataclass(frozen=True, slots=True)
class SessionCrash:
    """A crash as lists of sessions meet it. ``at`` is the device's time where it is known."""

    event_id: str
    group_id: str | None
    title: str
    at: datetime
    received_at: datetime
    user_key: str | None
    session_id: str | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in a list, by its start. The counts are null while only its start is known."""

    session_id: str
    event_id: str
    started_at: datetime
    user_key: str | None
    user: Mapping[str, str]
    version: str | None
    browser: str | None
    os: str | None
    device: str | None
    country: str | None
    last_at: datetime | None = None
    views: int | None = None
    requests: int | None = None
    pages: int | None = None
    entry: str | None = None
    crashes: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a session. ``at`` is the device's time where it is known; ``resources`` are what
    it loaded, ``vitals`` what was measured in its view.
    """

    event_id: str
    at: datetime
    received_at: datetime
    kind: str
    path: str | None
    duration_ms: float | None
    request_id: str | None
    vitals: Mapping[str, float]
    resources: Sequence[Resource]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Whose a session is, and on what."""

    user_key: str | None = None
    user: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    browser: str | None = None
    os: str | None = None
    device: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session, its steps in order of time. ``more`` steps were left out; ``crashes`` is null when
    they could not be looked for. ``projects`` are all that have events of its id, which clients
    choose: where they are several, its steps are of all of them.
    """

    session_id: str
    projects: tuple[int, ...]
    attributes: Attributes
    steps: list[Step]
    more: bool
    crashes: list[SessionCrash] | None = None

    @property
    def started_at(self) -> datetime:
        return self.steps[0].at

    @property
    def ended_at(self) -> datetime:
        return self.steps[-1].at

    @property
    def has_start(self) -> bool:
        """Whether the event that begins a session is among its steps."""
        return any(step.kind == "session_start" for step in self.steps)

    @property
    def clock_skew(self) -> timedelta | None:
        """By how much the device's clock is behind ours, where that is more than :data:`SKEW`."""
        behind = median((step.received_at - step.at).total_seconds() for step in self.steps)
        found = timedelta(seconds=round(behind))
        return found if abs(found) > SKEW else None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a timeline: a step or a crash. ``pause`` is the long pause before it; ``inside``
    are steps of the same view, told with it.
    """

    at: datetime
    step: Step | None
    crash: SessionCrash | None
    pause: timedelta | None
    inside: list[Step]
    vitals: Mapping[str, float]


def link_of(crash: SessionCrash, session_id: str, user: str | None, span: Span) -> LinkedBy | None:
    """How a crash is known to belong to a session; null when it is not.

    A crash that names its session belongs to no other. Else its user must be the session's, and it
    must have been received while the session lasted, or shortly after.
    """
    if crash.session_id is not None:
        return "session" if crash.session_id.lower() == session_id.lower() else None
    if user is None or crash.user_key != user:
        return None
    return "user and time" if span.holds(crash.received_at) else None


@dataclass(frozen=True, slots=True)
class Span:
    """When events of a session were received, from the first to the last."""

    first: datetime
    last: datetime

    @property
    def earliest(self) -> datetime:
        """From when on a crash may belong to the session."""
        return self.first - EARLY

    @property
    def latest(self) -> datetime:
        """Up to when a crash may belong to the session."""
        return self.last + IDLE

    def holds(self, moment: datetime) -> bool:
        """Whether a crash received at a moment may belong to the session."""
        return self.earliest <= moment <= self.latest


def timeline(steps: Iterable[Step], crashes: Iterable[SessionCrash]) -> list[Entry]:
    """Steps and crashes in order of the device's time: a view with the vitals of its request, and
    with what followed in it.
    """
    ordered = sorted(steps, key=lambda step: (step.at, step.event_id))
    views = _views(ordered)
    entries: list[tuple[datetime, Step | None, SessionCrash | None]] = [
        (step.at, step, None) for step in ordered if not _is_inside(step, views)
    ]
    entries += [(crash.at, None, crash) for crash in crashes]
    entries.sort(key=lambda entry: entry[0])
    inside: dict[str, list[Step]] = {}
    for step in ordered:
        if _is_inside(step, views) and step.request_id is not None:
            inside.setdefault(views[step.request_id].event_id, []).append(step)
    found: list[Entry] = []
    for at, entry_step, crash in entries:
        before = found[-1].at if found else at
        pause = at - before if at - before > LONG_PAUSE else None
        within = inside.get(entry_step.event_id, []) if entry_step else []
        found.append(Entry(at, entry_step, crash, pause, within, _vitals(entry_step, within)))
    return found


_VIEW_KINDS = frozenset({"page", "virtual_page", "view"})


def _views(steps: Iterable[Step]) -> dict[str, Step]:
    """The view of each request; of a request with several, the first."""
    found: dict[str, Step] = {}
    for step in steps:
        if step.request_id is not None and step.kind in _VIEW_KINDS:
            found.setdefault(step.request_id, step)
    return found


def _is_inside(step: Step, views: Mapping[str, Step]) -> bool:
    """Whether a step is told with its view: all but other views are."""
    view = views.get(step.request_id) if step.request_id is not None else None
    return view is not None and step.kind not in _VIEW_KINDS


def _vitals(step: Step | None, inside: Iterable[Step]) -> dict[str, float]:
    """The vitals of a view: the last value of each counts, as browsers report them again."""
    found = dict(step.vitals) if step is not None else {}
    for one in inside:
        found.update(one.vitals)
    return found
