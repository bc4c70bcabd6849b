"""A queue: what waits, how fast it moves, who works on it, its messages, and the switch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from app.api.queues import find_queue, pause_queue, resume_queue
from app.dashboard import links
from app.dashboard.charts import Chart, Series
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.queue_rows import QueueRow, queue_row
from app.dashboard.session import local_path
from broker.flow import Flow
from broker.pauses import MAX_REASON_CHARS
from broker.peek import QueuedMessage
from config.policy import QUEUES

MOST_MESSAGES = 20
#: Slices of a quarter minute that are one bar.
_A_BAR = 2


class PauseFields(Schema):
    """Why a queue is paused; shown to others."""

    reason = fields.String(load_default="", validate=validate.Length(max=MAX_REASON_CHARS))


class ResumeFields(Schema):
    """Whether a resumed stage may dead-letter any share of its events for a while; ``next`` is the
    page to go back to.
    """

    accept_dead_letters = fields.Boolean(load_default=False)
    next = fields.String(load_default=None, validate=validate.Length(max=4000))


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message where it lies. ``events_named`` are the first of its events."""

    state: str
    owner: str | None
    returns: int
    events: int
    bytes: int
    task: str | None
    oldest_at: datetime | None
    events_named: tuple[UUID, ...]
    pack: UUID | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A queue. ``drained_at`` is when anything was done with last; ``switch`` is false for one that
    cannot be paused. ``messages`` is null when they could not be looked at.
    """

    title: str
    queue: QueueRow
    paused: bool
    seconds_left: float | None
    amnesty_seconds: float
    drained_at: datetime | None
    switch: bool
    flow: Chart
    messages: tuple[MessageRow, ...] | None


def queue(visit: Visit) -> QueuePage:
    """The queue that the path names; raises ``ApiError`` 404 and ``StoreDown``."""
    view = find_queue(visit.desk, visit.arguments["queue"])
    name = view.state.queue
    found = visit.gaps.fill(
        "its messages", lambda: visit.desk.stores.queues.messages(name, MOST_MESSAGES), None
    )
    return QueuePage(
        name,
        queue_row(view),
        view.state.paused,
        view.state.pause.seconds_left if view.state.pause else None,
        view.state.amnesty_seconds,
        view.flow.last_out,
        name in QUEUES,
        flow_chart(view.flow),
        None if found is None else tuple(map(_message, found)),
    )


def flow_chart(flow: Flow) -> Chart:
    """What went in and out, by half minutes; pure."""
    whole = flow.slices[:-1]
    bars = [whole[at : at + _A_BAR] for at in range(0, len(whole), _A_BAR)]
    into = tuple(float(sum(one.into for one in bar)) for bar in bars)
    out = tuple(float(sum(one.out for one in bar)) for bar in bars)
    minutes = round(len(whole) / 4)
    return Chart(
        f"{sum(into):,.0f} events came and {sum(out):,.0f} were done with in the last {minutes}"
        " minutes.",
        tuple(f"{bar[0].at:%H:%M:%S} UTC" for bar in bars),
        (Series("came", into), Series("done with", out, "ok")),
        kind="line",
    )


def _message(message: QueuedMessage) -> MessageRow:
    oldest = message.oldest_ms
    return MessageRow(
        message.state,
        message.owner,
        message.returns,
        message.events,
        message.bytes,
        message.task,
        None if oldest is None else datetime.fromtimestamp(oldest / 1000, UTC),
        tuple(message.event_ids[:3]),
        message.pack,
    )


def _arguments(visit: Visit) -> dict[str, Any]:
    return {**visit.arguments, "actor": visit.desk.caller.actor}


def pause(visit: Visit) -> SeeOther:
    """Hand out nothing of the queue until it is resumed."""
    name = visit.arguments["queue"]
    pause_queue(visit.desk, _arguments(visit))
    return SeeOther(links.queue(name), f"{name} is paused.", links.queue(name) + "/resume")


def resume(visit: Visit) -> SeeOther:
    """Hand out the queue's messages again, whoever paused it."""
    name, asked = visit.arguments["queue"], _arguments(visit)
    back = asked.pop("next")
    resume_queue(visit.desk, asked)
    return SeeOther(local_path(back or links.queue(name)), f"{name} is resumed.")


_PAGE = Page(
    "/ops/queues/<queue>", "queue", queue, "pages/queue.html", needs="read", table="messages",
    live=True,
)  # fmt: skip
PAGES = (_PAGE,)
ACTIONS = (
    Action(
        "/ops/queues/<queue>/pause", "pause_queue", pause, PauseFields, needs="operate", again=_PAGE
    ),
    Action("/ops/queues/<queue>/resume", "resume_queue", resume, ResumeFields, needs="operate"),
)
