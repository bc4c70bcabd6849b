"""queue list, pause, resume: what waits in the queues, and the operators' switch."""

from __future__ import annotations

import fnmatch
from typing import Any

import click

from broker.client import Broker, QueueState
from broker.flood import AMNESTY_SECONDS
from broker.pauses import MAX_REASON_CHARS, Pauses
from config.policy import QUEUES
from ops.commands.actor import actor
from ops.commands.context import current_settings
from ops.commands.output import json_option, print_json, print_table, say, told
from storage.errors import StoreDown
from storage.sql.audit import Audit
from storage.sql.database import Database

AUDIT_SECONDS = 3.0

_COLUMNS = ("queue", "ready", "reserved", "parked", "events", "oldest", "paused")


_globs = click.argument("globs", nargs=-1, required=True, metavar="GLOB...")


@click.group()
def queue() -> None:
    """Queues: what waits in each, and a switch to pause and resume them."""


@queue.command("list")
@json_option
@told
def list_queues(as_json: bool) -> None:
    """Every queue: messages, events, age of the oldest, and why it is paused."""
    settings = current_settings()
    found = Broker(settings.redis_url, timeout=settings.broker_timeout_seconds).queues()
    if as_json:
        print_json({"items": [document(state) for state in found]})
    else:
        print_table(_COLUMNS, (_row(state) for state in found))


@queue.command()
@_globs
@click.option("--reason", default="", help="Why; shown to others.")
@told
def pause(globs: tuple[str, ...], reason: str) -> None:
    """Hand out nothing of the queues until they are resumed; outages never end this pause.

    What workers have in hand goes on to its end. Accepted events wait.
    """
    if len(reason) > MAX_REASON_CHARS:
        raise click.BadParameter(f"it has at most {MAX_REASON_CHARS} characters")
    queues, pauses = _matched(globs), _open_pauses()
    for name in queues:
        pauses.pause(name, actor(), reason)
        click.echo(f"paused {name}")
        _audit("pause_queue", name, {"reason": reason})


@queue.command()
@_globs
@click.option(
    "--accept-dead-letters",
    is_flag=True,
    help=f"Let the stages dead-letter any share of their events for {AMNESTY_SECONDS // 60} min.",
)
@told
def resume(globs: tuple[str, ...], accept_dead_letters: bool) -> None:
    """Hand out the queues again, whether an operator, a flood or an outage paused them."""
    queues, pauses = _matched(globs), _open_pauses()
    for name in queues:
        held = pauses.resume(name, accept_dead_letters=accept_dead_letters)
        click.echo(f"resumed {name}" if held else f"{name} was not paused")
        _audit("resume_queue", name, {"accept_dead_letters": accept_dead_letters, "was": held})


def document(state: QueueState) -> dict[str, Any]:
    """A queue as the API gives it."""
    names = ("queue", "ready", "reserved", "parked", "events", "oldest_age_seconds", "paused")
    why = state.pause
    return {
        **{name: getattr(state, name) for name in names},
        "pause": why and {"kind": why.kind, "reason": why.reason, "seconds_left": why.seconds_left},
        "amnesty_seconds": state.amnesty_seconds,
    }


def _row(state: QueueState) -> tuple[object, ...]:
    age = state.oldest_age_seconds
    why = state.pause.reason if state.pause else ""
    if state.amnesty_seconds:
        why = f"accepts dead letters for {state.amnesty_seconds:.0f} s {why}".rstrip()
    counts = (state.ready, state.reserved, state.parked, state.events)
    return (state.queue, *counts, "" if age is None else f"{age:.0f} s", why)


def _matched(globs: tuple[str, ...]) -> list[str]:
    """Queues of events that the globs name, in table order; each glob must name one."""
    wanted: set[str] = set()
    for glob in globs:
        found = fnmatch.filter(QUEUES, glob)
        if not found:
            raise click.BadParameter(f"no queue matches {glob!r}; there are: {', '.join(QUEUES)}")
        wanted.update(found)
    return [name for name in QUEUES if name in wanted]


def _audit(action: str, queue: str, detail: dict[str, Any]) -> None:
    """Note what was done; a queue can be switched while PostgreSQL is away, and that is said."""
    database = Database(current_settings().postgres_dsn, max_connections=1, timeout=AUDIT_SECONDS)
    try:
        Audit(database).write(actor(), action, queue, detail)
    except StoreDown as error:
        say(f"done, but not in the audit: {error}")
    finally:
        database.close()


def _open_pauses() -> Pauses:
    settings = current_settings()
    return Pauses(settings.redis_url, timeout=settings.broker_timeout_seconds)
