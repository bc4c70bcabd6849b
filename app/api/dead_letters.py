"""Dead letters, one by one: list, cluster, show, edit, discard."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.api import letter_answers, operator_answers
from app.api.answers import page_of
from app.api.arguments import Nothing, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.letter_arguments import (
    LetterArguments,
    PayloadArguments,
    Reason,
    letter_filter,
)
from app.api.raw_body import read_raw_body
from app.errors import ApiError
from events.envelope import Envelope
from events.registry import event_type
from storage.errors import StoreDown
from storage.sql.letter_actions import LetterNotFound, LetterNotOpen
from storage.sql.letter_rows import DeadLetterRow
from workbench.dry_run import Busy, dry_run
from workbench.payloads import Unreadable, told


def list_dead_letters(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /dead-letters, newest first; open ones unless ``status`` says otherwise."""
    desk.names.number(arguments["project"])
    try:
        page = desk.stores.workbench.letters.list(
            letter_filter(arguments), arguments["cursor"], arguments["limit"]
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    items = letter_answers.DeadLetter(many=True).dump(page.items)
    return {"items": items, "next_cursor": page.next_cursor}


def list_clusters(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /dead-letters/clusters, largest first, in one page."""
    desk.names.number(arguments["project"])
    found = desk.stores.workbench.clusters.list(letter_filter(arguments), arguments["limit"])
    return {"items": letter_answers.Cluster(many=True).dump(found), "next_cursor": None}


def find_letter(desk: Desk, text: str) -> DeadLetterRow:
    """The letter of a path; raises ``ApiError`` 404 ``letter_not_found``, and 403."""
    try:
        letter = desk.stores.workbench.letters.find(parse_id(text, "dead letter"))
    except ApiError:
        letter = None
    if letter is None or not desk.caller.sees(letter.project_id):
        raise letter_not_found()
    desk.require(letter.project_id, "dead letter")
    return letter


def letter_not_found() -> ApiError:
    """The 404 of a dead letter."""
    return ApiError(404, "letter_not_found", "There is no such dead letter.")


def letter_not_open(status: str) -> ApiError:
    """The 409 of a letter that is not open any more."""
    return ApiError(409, "letter_not_open", f"The dead letter is {status}, not open.")


def read_dead_letter(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /dead-letters/{letter_id}: also while its payload cannot be read."""
    letter = find_letter(desk, arguments["letter_id"])
    answer = dict(letter_answers.DeadLetter().dump(letter))
    try:
        body = desk.stores.workbench.payloads.current(letter)
    except Unreadable as exc:
        return {**answer, "payload": None, "payload_problem": str(exc)}
    except StoreDown as exc:
        return {**answer, "payload": None, "payload_problem": f"the {exc.store} store is away"}
    return {**answer, "payload": told(body), "payload_problem": None}


def read_payload(desk: Desk, arguments: Arguments) -> Response:
    """GET /dead-letters/{letter_id}/payload: hostile bytes, so never to be rendered."""
    letter = find_letter(desk, arguments["letter_id"])
    payloads = desk.stores.workbench.payloads
    read = payloads.current if arguments["version"] == "current" else payloads.original
    try:
        body = read(letter)
    except Unreadable as exc:
        raise ApiError(500, "payload_unreadable", f"The payload cannot be read: {exc}") from exc
    response = Response(body, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{letter.event_id}.bin"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def write_payload(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """PUT /dead-letters/{letter_id}/payload: replayed in place of the original from now on."""
    limit = desk.stores.settings.max_event_bytes
    body = read_raw_body(limit, "SLUICE_MAX_EVENT_BYTES")
    letter = find_letter(desk, arguments["letter_id"])
    if not body:
        raise bad_argument("body", "must not be empty")
    try:
        desk.stores.workbench.actions.edit(letter.id, body, arguments["actor"])
    except LetterNotOpen as exc:
        raise letter_not_open(exc.status) from None
    edited = find_letter(desk, arguments["letter_id"])
    dumped = letter_answers.DeadLetter().dump(edited)
    return {"letter": dumped, "problem": _problem(letter, body)}


def discard_letter(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /dead-letters/{letter_id}/discard: the letter afterwards."""
    letter = find_letter(desk, arguments["letter_id"])
    try:
        desk.stores.workbench.actions.discard(letter.id, arguments["reason"], arguments["actor"])
    except LetterNotFound:
        raise letter_not_found() from None
    except LetterNotOpen as exc:
        raise letter_not_open(exc.status) from None
    return dict(letter_answers.DeadLetter().dump(find_letter(desk, arguments["letter_id"])))


def dry_run_letter(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /dead-letters/{letter_id}/dry-run: what would become of it now. Writes nothing."""
    letter = find_letter(desk, arguments["letter_id"])
    try:
        found = dry_run(desk.stores.settings, letter.id)
    except Busy:
        raise ApiError(
            503,
            "overloaded",
            "Other dry runs are under way: try again in some seconds.",
            {"Retry-After": "5"},
        ) from None
    shown = {"steps": found.steps, "record": found.record, "would_pass": found.would_pass}
    return dict(operator_answers.DryRun().dump(shown))


def list_letter_replays(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /dead-letters/{letter_id}/replays, latest first, in one page."""
    letter = find_letter(desk, arguments["letter_id"])
    items = desk.stores.workbench.items.of_letter(letter.id)
    return {"items": operator_answers.ReplayItem(many=True).dump(items), "next_cursor": None}


def _problem(letter: DeadLetterRow, body: bytes) -> str | None:
    """What this code says of a payload, told early: the event would die again of it."""
    envelope = Envelope(letter.event_id, letter.project_id, letter.type, letter.protocol, body)
    try:
        event_type(letter.type).normalise(envelope)
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"[:500]
    return None


ENDPOINTS = (
    Endpoint(
        "/dead-letters",
        "list_dead_letters",
        "Events that a stage gave up on, newest first",
        list_dead_letters,
        page_of(letter_answers.DeadLetter),
        LetterArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/dead-letters/clusters",
        "list_clusters",
        "Dead letters by cause, largest first",
        list_clusters,
        page_of(letter_answers.Cluster),
        LetterArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/dead-letters/<letter_id>",
        "read_dead_letter",
        "One dead letter with its payload",
        read_dead_letter,
        letter_answers.FullDeadLetter,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/dead-letters/<letter_id>/payload",
        "read_payload",
        "Exactly the bytes that a replay sends, or the original ones",
        read_payload,
        None,
        PayloadArguments,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/dead-letters/<letter_id>/payload",
        "write_payload",
        "Replace the payload that a replay sends; the original is kept",
        write_payload,
        letter_answers.Edited,
        method="PUT",
        body=None,
        scope="owned",
        needs="operate",
    ),
    Endpoint(
        "/dead-letters/<letter_id>/dry-run",
        "dry_run_letter",
        "What the pipeline would make of an event now, without writing anything",
        dry_run_letter,
        operator_answers.DryRun,
        method="POST",
        scope="owned",
        needs="operate",
    ),
    Endpoint(
        "/dead-letters/<letter_id>/replays",
        "list_letter_replays",
        "The replays that a letter was in, and how each ended for it",
        list_letter_replays,
        page_of(operator_answers.ReplayItem),
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/dead-letters/<letter_id>/discard",
        "discard_letter",
        "Give up on an event for good",
        discard_letter,
        letter_answers.DeadLetter,
        Nothing,
        method="POST",
        body=Reason,
        scope="owned",
        needs="operate",
    ),
)
