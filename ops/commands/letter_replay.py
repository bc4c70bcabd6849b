"""dlq replay, replays, cancel: dead letters through the normal queues again."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import click

from ops.commands.actor import actor
from ops.commands.letter_options import filter_options, require_project, selection, workbench
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from storage.errors import StoreDown
from storage.replay import DEFAULT_RATE, MAX_CANARY, MAX_RATE, MIN_RATE, STATES, Replay
from storage.sql.letter_filter import LetterFilter
from workbench.opening import Workbench

STEP_SECONDS = 0.2
OUTAGE_SECONDS = 2.0


@click.command()
@click.argument("letter_id", metavar="[ID]", type=click.UUID, required=False)
@filter_options
@click.option("--all", "everything", is_flag=True, help="Every open dead letter.")
@click.option("--resume", type=click.UUID, help="Go on with this replay, as dlq replays names it.")
@click.option(
    "--rate",
    default=DEFAULT_RATE,
    show_default=True,
    type=click.FloatRange(MIN_RATE, MAX_RATE),
    help="Most events a second.",
)
@click.option(
    "--canary",
    default=0,
    type=click.IntRange(0, MAX_CANARY),
    help="Send so many first, wait for their fate, and stop if any of them dies again.",
)
@click.option("--reason", "why", help="Why, for who reads of it later.")
@click.option("--detach", is_flag=True, help="Leave it to the system's worker pool.")
@json_option
@told
def replay(
    letter_id: UUID | None,
    wanted: LetterFilter,
    *,
    everything: bool,
    resume: UUID | None,
    rate: float,
    canary: int,
    why: str | None,
    detach: bool,
    as_json: bool,
) -> None:
    """Send dead letters through the normal queues again: one by its ID, or all that match.

    Each event is stored once, however often it is replayed. A replay that is interrupted goes on
    with --resume, or by itself where a pool works on system.*. Exit code 1 when a letter died
    again, or could not be sent.
    """
    if resume is None:
        chosen = selection(letter_id, wanted, everything)
    elif letter_id is not None or everything or wanted != LetterFilter():
        raise click.UsageError("--resume takes neither an ID nor filters")
    with workbench() as bench:
        if resume is None:
            _check(bench, letter_id, wanted)
            found = bench.replays.create(chosen, rate, canary, actor(), why)
        else:
            found = _require(bench, resume)
        if not detach:
            found = _drive(bench, found)
    _tell(found, as_json=as_json)


@click.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--cursor", help="Go on where the last page ended.")
@json_option
@told
def replays(limit: int, cursor: str | None, as_json: bool) -> None:
    """Replays, newest first, and how far each is."""
    with workbench() as bench:
        try:
            page = bench.replays.list(cursor, limit)
        except ValueError as error:
            raise OpsError(f"this cursor is none of ours: {error}") from error
    if as_json:
        items = [document(one) for one in page.items]
        print_json({"items": items, "next_cursor": page.next_cursor})
        return
    print_table(
        ("id", "at", "actor", "status", "progress", "reason"),
        ((one.id, one.at, one.actor, one.status, progress(one), one.reason) for one in page.items),
    )
    if page.next_cursor:
        click.echo(f"more: --cursor {page.next_cursor}")


@click.command()
@click.argument("replay_id", metavar="REPLAY", type=click.UUID)
@told
def cancel(replay_id: UUID) -> None:
    """Send no more of a replay; what was sent goes its way, the rest stays open."""
    with workbench() as bench:
        found = bench.replays.cancel(replay_id, actor())
    if found is None:
        raise _no_replay(replay_id)
    click.echo(f"{found.status}: {progress(found)}")


def document(found: Replay) -> dict[str, Any]:
    """A replay as the API gives it."""
    names = (
        *("id", "at", "actor", "why", "selection", "rate", "canary", "status", "reason"),
        "finished_at",
    )
    return {
        **{name: getattr(found, name) for name in names},
        "total": found.count(),
        "counts": {state: found.count(state) for state in STATES},
    }


def progress(found: Replay) -> str:
    """How many letters are where, in words; states without any are left out."""
    words = {"sent": "in flight", "claimed": "being sent", "dead": "died again"}
    parts = [
        f"{found.count(state)} {words.get(state, state)}" for state in STATES if found.count(state)
    ]
    return f"{found.count()} letters: " + (", ".join(parts) or "nothing to do")


def _drive(bench: Workbench, found: Replay) -> Replay:
    """Step until it is over, telling progress; an outage is waited for."""
    shown = ""
    try:
        while found.active:
            try:
                found = bench.driver.step(found.id) or found
            except StoreDown as exc:
                say(f"{exc}; trying again")
                time.sleep(OUTAGE_SECONDS)
                continue
            line = f"{found.status}: {progress(found)}"
            if line != shown:
                say(line)
                shown = line
            if found.active:
                time.sleep(STEP_SECONDS)
    except KeyboardInterrupt:
        say(f"interrupted; go on with: ./sluice dlq replay --resume {found.id}")
        raise
    return found


def _tell(found: Replay, *, as_json: bool) -> None:
    if as_json:
        print_json(document(found))
    else:
        click.echo(f"replay {found.id} {found.status}: {progress(found)}")
    if found.status == "stopped":
        raise OpsError(f"stopped: {found.reason}; the rest was not sent")
    failed = found.count("dead", "discarded", "skipped")
    if failed:
        raise OpsError(f"{failed} letters were not stored; see dlq list and dlq show")


def _check(bench: Workbench, letter_id: UUID | None, wanted: LetterFilter) -> None:
    """Say early what would make an empty replay."""
    require_project(bench, wanted)
    if letter_id is None:
        return
    letter = bench.letters.find(letter_id)
    if letter is None:
        raise OpsError(f"letter_not_found: there is no dead letter {letter_id}")
    if letter.status != "open":
        raise OpsError(f"letter_not_open: the dead letter is {letter.status}, not open")


def _require(bench: Workbench, replay_id: UUID) -> Replay:
    found = bench.replays.find(replay_id)
    if found is None:
        raise _no_replay(replay_id)
    return found


def _no_replay(replay_id: UUID) -> OpsError:
    return OpsError(f"replay_not_found: there is no replay {replay_id}")


COMMANDS = (replay, replays, cancel)
