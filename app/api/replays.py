"""Replays: dead letters sent through the normal queues again."""

from __future__ import annotations

from typing import Any

import structlog

from app.api import letter_answers, operator_answers
from app.api.answers import page_of
from app.api.arguments import Paged, bad_argument
from app.api.dead_letters import find_letter, letter_not_open
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.letter_arguments import ItemArguments, Pace, ReplayBody, letter_filter
from app.errors import ApiError
from storage.errors import StoreDown
from storage.replay import STATES, Replay
from storage.sql.letter_filter import LetterFilter

_log = structlog.get_logger(__name__)


def replay_letters(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /replays: of every open letter that matches. Workers drive it to its end."""
    desk.names.number(arguments["project"])
    return dump_replay(start_replay(desk, letter_filter(arguments), arguments))


def replay_letter(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /dead-letters/{letter_id}/replay: of one letter."""
    letter = find_letter(desk, arguments["letter_id"])
    if letter.status != "open":
        raise letter_not_open(letter.status)
    wanted = LetterFilter(ids=(letter.id,), project=letter.project or None)
    return dump_replay(start_replay(desk, wanted, arguments))


def start_replay(desk: Desk, wanted: LetterFilter, arguments: Arguments) -> Replay:
    """A replay of the open letters that match, under way; raises ``StoreDown``."""
    workbench = desk.stores.workbench
    replay = workbench.replays.create(
        wanted, arguments["rate"], arguments["canary"], arguments["actor"], arguments["why"]
    )
    try:
        replay = workbench.driver.step(replay.id) or replay
    except StoreDown as exc:
        # It is made; whoever drives replays goes on with it once the store is back.
        _log.warning("replay_postponed", replay=str(replay.id), store=exc.store)
    return replay


def list_replays(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /replays, newest first."""
    try:
        page = desk.stores.workbench.replays.list(
            arguments["cursor"], arguments["limit"], desk.caller.projects()
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return {"items": [dump_replay(one) for one in page.items], "next_cursor": page.next_cursor}


def read_replay(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /replays/{replay_id}: how far it is."""
    return dump_replay(_visible(desk, arguments))


def list_replay_items(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /replays/{replay_id}/items: the letters as they were chosen, each with its state."""
    replay = _visible(desk, arguments)
    try:
        page = desk.stores.workbench.items.listed(
            replay.id, arguments["state"], arguments["cursor"], arguments["limit"]
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    items = operator_answers.ReplayItem(many=True).dump(page.items)
    return {"items": items, "next_cursor": page.next_cursor}


def cancel_replay(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /replays/{replay_id}/cancel: what was sent goes its way, the rest stays open."""
    replay_id = _visible(desk, arguments).id
    cancelled = desk.stores.workbench.replays.cancel(replay_id, arguments["actor"])
    if cancelled is None:
        raise _not_found()
    return dump_replay(cancelled)


def dump_replay(replay: Replay) -> dict[str, Any]:
    """A replay as the API gives it: every state counted."""
    counts = {state: replay.count(state) for state in STATES}
    shown = {"total": replay.count(), "counts": counts}
    return {**letter_answers.Replay(exclude=tuple(shown)).dump(replay), **shown}


def _visible(desk: Desk, arguments: Arguments) -> Replay:
    """The replay of a path. One of no single project is the installation's."""
    try:
        replay = desk.stores.workbench.replays.find(parse_id(arguments["replay_id"], "replay"))
    except ApiError:
        replay = None
    if replay is None or not desk.caller.may("read", replay.project_id):
        raise _not_found()
    desk.require(replay.project_id, "replay")
    return replay


def _not_found() -> ApiError:
    return ApiError(404, "replay_not_found", "There is no such replay.")


ENDPOINTS = (
    Endpoint(
        "/dead-letters/<letter_id>/replay",
        "replay_letter",
        "Send one event through the normal queues again",
        replay_letter,
        letter_answers.Replay,
        method="POST",
        body=Pace,
        scope="owned",
        needs="operate",
    ),
    Endpoint(
        "/replays",
        "replay_letters",
        "Send the events of every open letter that matches again, a canary first",
        replay_letters,
        letter_answers.Replay,
        method="POST",
        body=ReplayBody,
        scope="filtered",
        needs="operate",
    ),
    Endpoint(
        "/replays",
        "list_replays",
        "Replays, newest first",
        list_replays,
        page_of(letter_answers.Replay),
        Paged,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/replays/<replay_id>",
        "read_replay",
        "How far a replay is",
        read_replay,
        letter_answers.Replay,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/replays/<replay_id>/items",
        "list_replay_items",
        "The letters that a replay was made of, and what became of each",
        list_replay_items,
        page_of(operator_answers.ReplayItem),
        ItemArguments,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/replays/<replay_id>/cancel",
        "cancel_replay",
        "Send no more of a replay",
        cancel_replay,
        letter_answers.Replay,
        method="POST",
        scope="owned",
        needs="operate",
    ),
)
