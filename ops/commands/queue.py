"""queue list, show, pause, resume: what waits in the queues, and the operators' switch."""

from __future__ import annotations

import fnmatch
from typing import Any

import click

from broker.client import Broker
from broker.flood import AMNESTY_SECONDS
from broker.pauses import MAX_REASON_CHARS, Pauses
from broker.peek import MAX_MESSAGES, QueuedMessage
from config.policy import QUEUES
from ops.commands.actor import actor
from ops.commands.context import current_settings
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from storage.errors import StoreDown
from storage.sql.audit import Audit
from storage.sql.database import Database
from workbench.queueing import QueueBook, QueueView, open_queues

AUDIT_SECONDS = 3.0

_COLUMNS = (
    *("queue", "ready", "reserved", "parked", "events", "oldest", "in/s", "out/s", "pools"),
    "paused",
)

_globs = click.argument("globs", nargs=-1, required=True, metavar="GLOB...")


@click.group()
def queue() -> None:
    """Queues: what waits in each, and a switch to pause and resume them."""


@queue.command("list")
@json_option
@told
def list_queues(as_json: bool) -> None:
    """Every queue: messages, events, age of the oldest, flow, pools, and why it is paused."""
    found = _open_queues().queues()
    if as_json:
        print_json({"items": [document(view) for view in found]})
    else:
        print_table(_COLUMNS, (_row(view) for view in found))


@queue.command()
@click.argument("name")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, MAX_MESSAGES), help="Of each."
)
@json_option
@told
def show(name: str, limit: int, as_json: bool) -> None:
    """One queue, with the messages handed out next and those in hand; nothing is taken."""
    book = _open_queues()
    try:
        view, messages = book.queue(name), book.messages(name, limit)
    except KeyError:
        raise OpsError(f"no events ever went into a queue named {name!r}") from None
    if as_json:
        print_json({**document(view), "slices": view.flow.slices, "messages": messages})
        return
    print_table(_COLUMNS, [_row(view)])
    print_table(
        ("state", "by", "returned", "events", "bytes", "first event"), map(_message, messages)
    )


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


def document(view: QueueView) -> dict[str, Any]:
    """A queue as the API gives it."""
    state = view.state
    names = ("queue", "ready", "reserved", "parked", "events", "oldest_age_seconds", "paused")
    why = state.pause
    return {
        **{name: getattr(state, name) for name in names},
        "pause": why and {"kind": why.kind, "reason": why.reason, "seconds_left": why.seconds_left},
        "amnesty_seconds": state.amnesty_seconds,
        "in_per_second": view.flow.in_per_second,
        "out_per_second": view.flow.out_per_second,
        "pools": view.pools,
        "known": view.known,
        "seconds_to_drain": view.seconds_to_drain,
    }


def _row(view: QueueView) -> tuple[object, ...]:
    state, flow = view.state, view.flow
    age = state.oldest_age_seconds
    why = state.pause.reason if state.pause else ""
    if state.amnesty_seconds:
        why = f"accepts dead letters for {state.amnesty_seconds:.0f} s {why}".rstrip()
    counts = (state.ready, state.reserved, state.parked, state.events)
    rates = (f"{flow.in_per_second:.0f}", f"{flow.out_per_second:.0f}")
    pools = "nobody" if view.unattended else " ".join(view.pools)
    return (state.queue, *counts, "" if age is None else f"{age:.0f} s", *rates, pools, why)


def _message(message: QueuedMessage) -> tuple[object, ...]:
    sizes = (message.returns, message.events, message.bytes)
    first = message.event_ids[0] if message.event_ids else message.pack
    return (message.state, message.owner, *sizes, first)


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


def _open_queues() -> QueueBook:
    settings = current_settings()
    return open_queues(
        settings, Broker(settings.redis_url, timeout=settings.broker_timeout_seconds)
    )


def _open_pauses() -> Pauses:
    settings = current_settings()
    return Pauses(settings.redis_url, timeout=settings.broker_timeout_seconds)
