"""dlq parked: messages that no task could take; to list, replay and discard."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from broker.parked import ParkedMessage
from config.policy import QUEUES
from ops.commands.actor import actor
from ops.commands.letter_options import workbench
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from workbench.burying import Unburiable


@click.group(invoke_without_command=True)
@click.option("--queue", type=click.Choice(list(QUEUES)), help="Only of this queue.")
@json_option
@click.pass_context
@told
def parked(context: click.Context, queue: str | None, as_json: bool) -> None:
    """Parked messages: no task could take them, or they killed their worker five times.

    Without a command: list them, with why, and how many events each holds.
    """
    if context.invoked_subcommand is not None:
        return
    with workbench() as bench:
        found = bench.parked.list(queue)
    if as_json:
        print_json({"items": [document(message) for message in found], "next_cursor": None})
        return
    print_table(
        ("id", "events", "bytes", "task", "why"),
        ((one.id, one.events, one.bytes, one.task, one.why) for one in found),
    )


@parked.command()
@click.argument("message_id", metavar="ID")
@told
def replay(message_id: str) -> None:
    """Move a message back to its queue, as if it had never been delivered."""
    with workbench() as bench:
        if not bench.burial.replay(message_id, actor()):
            raise _not_parked(message_id)
    click.echo("back in its queue")


@parked.command()
@click.argument("message_id", metavar="ID")
@click.option("--reason", required=True, help="Why; kept with each letter and in the audit.")
@told
def discard(message_id: str, reason: str) -> None:
    """Turn a message's events into dead letters, one by one, and drop the message."""
    with workbench() as bench:
        try:
            letters = bench.burial.bury(message_id, reason, actor())
        except Unburiable as exc:
            raise OpsError(f"message_unreadable: it stays parked: {exc}") from exc
    if letters is None:
        raise _not_parked(message_id)
    click.echo(f"{letters} dead letters")


def document(message: ParkedMessage) -> dict[str, Any]:
    """A parked message as the API gives it."""
    shown = asdict(message)
    oldest = shown.pop("oldest_ms")
    at = None if oldest is None else datetime.fromtimestamp(oldest / 1000, UTC)
    return {**shown, "oldest_at": at}


def _not_parked(message_id: str) -> OpsError:
    return OpsError(f"message_not_parked: there is no parked message {message_id}")
