"""dlq dry-run, history, items: what would become of a letter, and what did in replays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

import click

from ops.commands.letter_options import workbench
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.replay import STATES
from storage.sql.replay_items import ReplayItem
from workbench.dry_run import dry_run


@click.command("dry-run")
@click.argument("letter_id", metavar="ID", type=click.UUID)
@json_option
@told
def try_letter(letter_id: UUID, as_json: bool) -> None:
    """What the pipeline would make of a dead letter now, edits included; writes nothing.

    Exit code 1 when a stage would give up on it again.
    """
    with workbench() as bench:
        if bench.letters.find(letter_id) is None:
            raise OpsError(f"letter_not_found: there is no dead letter {letter_id}")
        found = dry_run(bench.settings, letter_id)
    if as_json:
        print_json({**asdict(found), "would_pass": found.would_pass})
    else:
        print_table(
            ("step", "outcome", "why", "what came of it"),
            ((step.step, step.outcome, step.why, step.told) for step in found.steps),
        )
    if not found.would_pass:
        raise OpsError("it would die again")


@click.command()
@click.argument("letter_id", metavar="ID", type=click.UUID)
@json_option
@told
def history(letter_id: UUID, as_json: bool) -> None:
    """The replays that a letter was in, latest first, and how each ended for it."""
    with workbench() as bench:
        if bench.letters.find(letter_id) is None:
            raise OpsError(f"letter_not_found: there is no dead letter {letter_id}")
        found = bench.items.of_letter(letter_id)
    _tell(found, None, as_json=as_json)


@click.command()
@click.argument("replay_id", metavar="REPLAY", type=click.UUID)
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--cursor", help="Go on where the last page ended.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
@told
def items(
    replay_id: UUID, state: str | None, cursor: str | None, limit: int, as_json: bool
) -> None:
    """The letters of a replay, and what became of each."""
    with workbench() as bench:
        if bench.replays.find(replay_id) is None:
            raise OpsError(f"replay_not_found: there is no replay {replay_id}")
        try:
            page = bench.items.listed(replay_id, state, cursor, limit)
        except ValueError as error:
            raise OpsError(f"this cursor is none of ours: {error}") from error
    _tell(page.items, page.next_cursor, as_json=as_json)


def _tell(found: Sequence[ReplayItem], next_cursor: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"items": found, "next_cursor": next_cursor})
        return
    print_table(
        ("replay", "at", "by", "letter", "state", "why"),
        (
            (one.replay_id, one.replayed_at, one.actor, one.letter_id, one.state, one.why)
            for one in found
        ),
    )
    if next_cursor:
        click.echo(f"more: --cursor {next_cursor}")


COMMANDS = (try_letter, history, items)
