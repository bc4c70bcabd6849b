"""dlq list, show: the events that a stage gave up on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.files.store import FileStore
from storage.sql.dead_letters import DeadLetters
from storage.sql.letter_filter import LetterFilter
from storage.sql.letter_rows import DeadLetterRow


@click.group()
def dlq() -> None:
    """Dead letters: single events with the stage, the reason and the traceback."""


@dlq.command("list")
@click.option("--project", help="Only this project.")
@click.option("--type", "event_type", help="Only this type, such as crash.")
@click.option("--stage", help="Only this stage: files, sql or search.")
@click.option("--cursor", help="Go on where the last page ended.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
@told
def list_letters(
    project: str | None,
    event_type: str | None,
    stage: str | None,
    *,
    cursor: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Open dead letters, newest first."""
    with open_database() as database:
        try:
            wanted = LetterFilter(project, event_type, stage)
            page = DeadLetters(database).list(wanted, cursor, limit)
        except ValueError as error:
            raise OpsError(f"this cursor is none of ours: {error}") from error
    if as_json:
        items = [summary(letter) for letter in page.items]
        print_json({"items": items, "next_cursor": page.next_cursor})
        return
    print_table(
        ("id", "project", "type", "stage", "code", "reason", "at"),
        (
            (one.id, one.project, one.type, one.stage, one.code, one.reason[:80], one.at)
            for one in page.items
        ),
    )
    if page.next_cursor:
        click.echo(f"more: --cursor {page.next_cursor}")


@dlq.command()
@click.argument("letter_id", metavar="ID", type=click.UUID)
@json_option
@told
def show(letter_id: UUID, as_json: bool) -> None:
    """One dead letter with its traceback and payload."""
    with open_database() as database:
        letter = DeadLetters(database).find(letter_id)
    if letter is None:
        raise OpsError(f"there is no dead letter {letter_id}")
    found = {**summary(letter), "status": letter.status, "payload": _payload(letter)}
    if as_json:
        print_json(found)
    else:
        print_table(("", ""), ((name, value) for name, value in found.items()))


def summary(letter: DeadLetterRow) -> dict[str, Any]:
    """A dead letter as the API gives it."""
    names = ("id", "event_id", "project", "type", "stage", "code", "reason")
    found = {name: getattr(letter, name) for name in names}
    return {
        **found,
        "traceback": letter.traceback,
        "attempts": letter.attempts,
        "at": letter.at,
    }


def _payload(letter: DeadLetterRow) -> str | None:
    """The event's bytes as text, from the row or from its pack; raises ``StoreError``."""
    raw = letter.payload
    if raw is None and letter.location is not None:
        raw = FileStore(current_settings()).read_event(letter.location)
    return None if raw is None else raw.decode("utf-8", "replace")
