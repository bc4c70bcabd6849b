"""up, down, status, stop, start."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

import click

from ops.commands.actor import actor
from ops.commands.context import current_home, current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from ops.home import Home
from ops.joining import first_link
from ops.stack.lifecycle import bring_up, switch, take_down
from ops.stack.presence import supervisor_of
from ops.stack.report import status as status_of
from ops.supervision.leftovers import alive
from storage.errors import StoreDown


@click.command()
@click.option("--detach", is_flag=True, help="Return when everything is ready.")
@told
def up(detach: bool) -> None:
    """Start the servers and every part, and wait until sample events are readable.

    In the foreground Ctrl-C stops everything. Twice is fine: the second says that it runs.
    """
    home = current_home()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    started = bring_up(home, os.environ, say)
    document = status_of(home, home.load())
    if not started:
        say("running already" + _stopped_note(document))
    _print_addresses(document)
    _print_first_link()
    if started and not detach:
        _stay(home)


def _print_first_link() -> None:
    """Where the first administrator's account is made, as long as there is none."""
    try:
        with open_database() as database:
            link = first_link(current_settings(), database, actor())
    except StoreDown as error:  # somebody stopped it; everything else runs
        say(f"warning: whether there are accounts cannot be told: {error}")
        return
    if link is not None:
        click.echo(f"{'sign in':<14} {link}")
        say("that link makes the first administrator's account; it is good once, for a day")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stay(home: Home) -> None:
    """Wait for Ctrl-C, then stop everything.

    The handler only takes note: an exception out of it is lost when it strikes in a destructor. A
    second Ctrl-C, or the terminal's, must not leave half of it running.
    """
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: asked.set())
    say("Ctrl-C stops everything")
    while not asked.wait(1):
        if supervisor_of(home.load()) is None:
            if alive(home.run):
                take_down(home, say)
                raise OpsError("the supervisor was killed: what it had started is ended too")
            say("stopped by another command")
            return
    take_down(home, say)


@click.command()
@told
def down() -> None:
    """Stop everything; data stays. Fine when nothing runs."""
    say("stopped" if take_down(current_home(), say) else "nothing was running")


@click.command()
@json_option
@told
def status(as_json: bool) -> None:
    """What runs, and every address and key."""
    home = current_home()
    document = status_of(home, home.load())
    if as_json:
        print_json(document)
        return
    click.echo(f"Sluice is {document['state']}")
    _print_addresses(document)
    print_table(
        ("process", "state", "pid", "children", "queues"),
        (
            (
                item["name"],
                item["state"],
                item["pid"],
                len(item["children"]),
                " ".join(item["queues"]),
            )
            for item in document["processes"]
        ),
    )


@click.command()
@click.argument("names", nargs=-1, required=True)
@told
def stop(names: tuple[str, ...]) -> None:
    """Stop processes or servers (globs); they stay stopped."""
    say("stopped " + ", ".join(switch(current_home(), names, on=False)))


@click.command()
@click.argument("names", nargs=-1, required=True)
@told
def start(names: tuple[str, ...]) -> None:
    """Start processes or servers (globs)."""
    say("started " + ", ".join(switch(current_home(), names, on=True)))


def _stopped_note(document: dict[str, Any]) -> str:
    idle = [item["name"] for item in document["processes"] if item["state"] != "running"]
    return f", but not {', '.join(idle)}" if idle else ""


def _print_addresses(document: dict[str, Any]) -> None:
    rows = [(name, document[name]) for name in ("web", "files", "flower", "redis", "postgres")]
    rows += [("elasticsearch", document["elasticsearch"]), ("s3", document["s3"]["endpoint"])]
    rows += [
        ("project", document["project"]["name"]),
        ("key", document["project"]["key"]),
        ("dsn", document["project"]["dsn"]),
        ("token", document["token"]),
    ]
    for name, value in rows:
        click.echo(f"{name:<14} {value or ''}")
    for warning in document["warnings"]:
        say(f"warning: {warning}")
