"""The queues: what waits in each, and the operators' switch."""

from __future__ import annotations

from typing import Any

import structlog

from app.api import answers
from app.api.arguments import PauseBody, ResumeBody
from app.api.endpoint import Arguments, Desk, Endpoint
from app.errors import ApiError
from broker.client import QueueState
from config.policy import QUEUES
from storage.errors import StoreDown
from storage.sql.audit import Audit

_log = structlog.get_logger(__name__)


def list_queues(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /queues: all of them in one page."""
    del arguments
    items = answers.Queue(many=True).dump(desk.stores.broker.queues())
    return {"items": items, "next_cursor": None}


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
        names = ", ".join(QUEUES)
        raise ApiError(404, "queue_not_found", f"There is no such queue; there are: {names}.")
    return queue


def _state(desk: Desk, queue: str) -> dict[str, Any]:
    found: QueueState = next(s for s in desk.stores.broker.queues() if s.queue == queue)
    return dict(answers.Queue().dump(found))


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
