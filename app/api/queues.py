"""The queues: what waits in each, and the operators' switch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from marshmallow import Schema, fields, validate

from app.api import answers, operator_answers
from app.api.arguments import PauseBody, ResumeBody
from app.api.endpoint import Arguments, Desk, Endpoint
from app.errors import ApiError
from broker.peek import MAX_MESSAGES, QueuedMessage
from config.policy import QUEUES
from storage.errors import StoreDown
from storage.sql.audit import Audit
from workbench.queueing import QueueView

_log = structlog.get_logger(__name__)


class PeekArguments(Schema):
    """How many messages of either kind are shown at the most."""

    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=MAX_MESSAGES))


def list_queues(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /queues: all of them in one page."""
    del arguments
    items = answers.Queue(many=True).dump(map(document, desk.stores.queues.queues()))
    return {"items": items, "next_cursor": None}


def document(view: QueueView) -> dict[str, Any]:
    """A queue as the API gives it."""
    state = {name: getattr(view.state, name) for name in view.state.__slots__}
    return {
        **state,
        "paused": view.state.paused,
        "in_per_second": view.flow.in_per_second,
        "out_per_second": view.flow.out_per_second,
        "pools": view.pools,
        "known": view.known,
        "seconds_to_drain": view.seconds_to_drain,
    }


def find_queue(desk: Desk, name: str) -> QueueView:
    """A queue by its name, also one that nobody consumes; raises ``ApiError`` 404."""
    try:
        return desk.stores.queues.queue(name)
    except KeyError:
        raise _no_such_queue() from None


def read_queue(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /queues/{queue}: with its flow, as far back as it is kept."""
    view = find_queue(desk, arguments["queue"])
    return dict(answers.QueueFlow().dump({**document(view), "slices": view.flow.slices}))


def peek_queue(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /queues/{queue}/messages: those handed out next, then those in hand; nothing is taken."""
    name = find_queue(desk, arguments["queue"]).state.queue
    found = desk.stores.queues.messages(name, arguments["limit"])
    items = operator_answers.Message(many=True).dump(map(message_document, found))
    return {"items": items, "next_cursor": None}


def message_document(message: QueuedMessage) -> dict[str, Any]:
    """A message as the API gives it."""
    oldest = message.oldest_ms
    at = None if oldest is None else datetime.fromtimestamp(oldest / 1000, UTC)
    return {**{name: getattr(message, name) for name in message.__slots__}, "oldest_at": at}


def pause_queue(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /queues/{queue}/pause: the state of the queue afterwards."""
    queue = _known(arguments["queue"])
    actor, reason = arguments["actor"], arguments["reason"]
    desk.stores.pauses.pause(queue, actor, reason)
    _audit(desk, actor, "pause_queue", queue, {"reason": reason})
    return _state(desk, queue)


def resume_queue(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /queues/{queue}/resume: the state of the queue afterwards."""
    queue = _known(arguments["queue"])
    actor, amnesty = arguments["actor"], arguments["accept_dead_letters"]
    held = desk.stores.pauses.resume(queue, accept_dead_letters=amnesty)
    _audit(desk, actor, "resume_queue", queue, {"accept_dead_letters": amnesty, "was": held})
    return _state(desk, queue)


def _audit(desk: Desk, actor: str, action: str, queue: str, detail: dict[str, Any]) -> None:
    """Note what was done, in the log too: a queue can be switched while PostgreSQL is away."""
    _log.warning(action, queue=queue, actor=actor, **detail)
    try:
        Audit(desk.stores.database).write(actor, action, queue, detail)
    except StoreDown as error:
        _log.error("audit_unwritten", action=action, queue=queue, reason=error.detail)


def _known(queue: str) -> str:
    if queue not in QUEUES:
        raise _no_such_queue()
    return queue


def _no_such_queue() -> ApiError:
    names = ", ".join(QUEUES)
    return ApiError(404, "queue_not_found", f"There is no such queue; there are: {names}.")


def _state(desk: Desk, queue: str) -> dict[str, Any]:
    return dict(answers.Queue().dump(document(desk.stores.queues.queue(queue))))


ENDPOINTS = (
    Endpoint(
        "/queues",
        "list_queues",
        "Every queue: what waits in it, and whether and why it is paused",
        list_queues,
        answers.page_of(answers.Queue),
        needs="read",
    ),
    Endpoint(
        "/queues/<queue>",
        "read_queue",
        "One queue, with its flow by quarter minutes",
        read_queue,
        answers.QueueFlow,
        needs="read",
    ),
    Endpoint(
        "/queues/<queue>/messages",
        "peek_queue",
        "The messages handed out next and those in hand, without taking any",
        peek_queue,
        answers.page_of(operator_answers.Message),
        PeekArguments,
        needs="read",
    ),
    Endpoint(
        "/queues/<queue>/pause",
        "pause_queue",
        "Hand out nothing of a queue until it is resumed",
        pause_queue,
        answers.Queue,
        method="POST",
        body=PauseBody,
        needs="operate",
    ),
    Endpoint(
        "/queues/<queue>/resume",
        "resume_queue",
        "Hand out a queue's messages again, whoever paused it",
        resume_queue,
        answers.Queue,
        method="POST",
        body=ResumeBody,
        needs="operate",
    ),
)
