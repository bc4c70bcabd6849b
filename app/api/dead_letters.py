"""Dead letters: the events that a stage gave up on."""

from __future__ import annotations

from typing import Any

from app.api import answers
from app.api.arguments import DeadLetterArguments, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint, not_found, parse_id
from storage.sql.letter_filter import LetterFilter


def list_dead_letters(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /dead-letters, newest first."""
    desk.names.number(arguments["project"])
    try:
        wanted = LetterFilter(arguments["project"], arguments["type"], arguments["stage"])
        page = desk.stores.dead_letters.list(wanted, arguments["cursor"], arguments["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    items = answers.DeadLetter(many=True).dump(page.items)
    return {"items": items, "next_cursor": page.next_cursor}


def read_dead_letter(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /dead-letters/{letter_id}."""
    letter = desk.stores.dead_letters.find(parse_id(arguments["letter_id"], "dead letter"))
    if letter is None:
        raise not_found("dead letter")
    return dict(answers.DeadLetter().dump(letter))


ENDPOINTS = (
    Endpoint(
        "/dead-letters",
        "list_dead_letters",
        "Events that a stage gave up on, newest first",
        list_dead_letters,
        answers.page_of(answers.DeadLetter),
        DeadLetterArguments,
    ),
    Endpoint(
        "/dead-letters/<letter_id>",
        "read_dead_letter",
        "One dead letter",
        read_dead_letter,
        answers.DeadLetter,
    ),
)
