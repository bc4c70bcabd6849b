"""dlq list, clusters, show, audit: the events that a stage gave up on, and what was done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import click

from ops.commands import letter_actions, letter_replay, letter_trials, parked_messages
from ops.commands.letter_options import filter_options, require_project, workbench
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.errors import StoreDown
from storage.sql.clusters import Cluster
from storage.sql.letter_filter import STATUSES, LetterFilter
from storage.sql.letter_rows import DeadLetterRow
from workbench.opening import Workbench
from workbench.payloads import Unreadable
from workbench.payloads import told as told_payload

_LISTED = ("id", "project", "type", "stage", "code", "reason", "at", "status")

limit_option = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
cursor_option = click.option("--cursor", help="Go on where the last page ended.")


@click.group()
def dlq() -> None:
    """Dead letters: single events with the stage, the reason and the traceback."""


@dlq.command("list")
@filter_options
@click.option("--status", default="open", show_default=True, type=click.Choice([*STATUSES, "all"]))
@cursor_option
@limit_option
@json_option
@told
def list_letters(
    wanted: LetterFilter, status: str, cursor: str | None, limit: int, as_json: bool
) -> None:
    """Dead letters, newest first; the open ones unless --status says otherwise."""
    wanted = replace(wanted, status=None if status == "all" else status)
    with workbench() as bench:
        require_project(bench, wanted)
        try:
            page = bench.letters.list(wanted, cursor, limit)
        except ValueError as error:
            raise OpsError(f"this cursor is none of ours: {error}") from error
    if as_json:
        items = [summary(letter) for letter in page.items]
        print_json({"items": items, "next_cursor": page.next_cursor})
        return
    print_table(_LISTED, ([_cell(one, name) for name in _LISTED] for one in page.items))
    if page.next_cursor:
        click.echo(f"more: --cursor {page.next_cursor}")


@dlq.command()
@filter_options
@limit_option
@json_option
@told
def clusters(wanted: LetterFilter, limit: int, as_json: bool) -> None:
    """Open dead letters by cause: same stage, code and kind of traceback; largest first."""
    with workbench() as bench:
        require_project(bench, wanted)
        found = bench.clusters.list(wanted, limit)
    if as_json:
        print_json({"items": [_cluster(one) for one in found], "next_cursor": None})
        return
    columns = ("cluster", "count", "stage", "code", "reason", "first", "last", "example")
    print_table(
        columns,
        (
            (
                *(one.key, one.count, one.stage, one.code, one.reason[:80]),
                *(one.first_at, one.last_at, one.example),
            )
            for one in found
        ),
    )


@dlq.command()
@click.argument("letter_id", metavar="ID", type=click.UUID)
@click.option("--original", is_flag=True, help="The payload as sent, not as edited.")
@json_option
@told
def show(letter_id: UUID, original: bool, as_json: bool) -> None:
    """One dead letter with its traceback, its attempts and its payload."""
    with workbench() as bench:
        letter = bench.letters.find(letter_id)
        if letter is None:
            raise OpsError(f"letter_not_found: there is no dead letter {letter_id}")
        found = {**summary(letter), **_payload(bench, letter, original)}
    if as_json:
        print_json(found)
        return
    if found["payload"] is not None:
        found["payload"] = found["payload"]["data"]
    print_table(("", ""), ((name, value) for name, value in found.items()))


@dlq.command()
@click.option("--subject", help="Only of this letter, replay, parked message or queue.")
@cursor_option
@limit_option
@json_option
@told
def audit(subject: str | None, cursor: str | None, limit: int, as_json: bool) -> None:
    """What operators did, newest first: who, when, what."""
    with workbench() as bench:
        try:
            page = bench.audit.list(subject, cursor, limit)
        except ValueError as error:
            raise OpsError(f"this cursor is none of ours: {error}") from error
    if as_json:
        print_json({"items": page.items, "next_cursor": page.next_cursor})
        return
    print_table(
        ("at", "actor", "action", "subject", "detail"),
        ((one.at, one.actor, one.action, one.subject, one.detail) for one in page.items),
    )
    if page.next_cursor:
        click.echo(f"more: --cursor {page.next_cursor}")


for _command in (
    *letter_actions.COMMANDS,
    *letter_replay.COMMANDS,
    *letter_trials.COMMANDS,
    parked_messages.parked,
):
    dlq.add_command(_command)


def summary(letter: DeadLetterRow) -> dict[str, Any]:
    """A dead letter as the API gives it."""
    names = (
        *("id", "event_id", "project", "type", "stage", "protocol", "code", "reason"),
        *("traceback", "cluster", "attempts", "at"),
        *("status", "status_at", "status_by", "status_reason", "edits", "release"),
    )
    return {name: getattr(letter, name) for name in names}


def _cell(letter: DeadLetterRow, name: str) -> object:
    value = getattr(letter, name)
    return value[:80] if name == "reason" else value


def _cluster(found: Cluster) -> dict[str, Any]:
    names = (
        *("stage", "code", "reason", "count", "projects", "first_at", "last_at", "example"),
        *("queues", "releases"),
    )
    return {"cluster": found.key, **{name: getattr(found, name) for name in names}}


def _payload(bench: Workbench, letter: DeadLetterRow, original: bool) -> dict[str, Any]:
    """The payload, or why it cannot be read now."""
    read = bench.payloads.original if original else bench.payloads.current
    try:
        return {"payload": told_payload(read(letter)), "payload_problem": None}
    except (Unreadable, StoreDown) as exc:
        return {"payload": None, "payload_problem": str(exc)}
