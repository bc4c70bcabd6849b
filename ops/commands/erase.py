"""erase event, user, project; list, show: take events out of every store, and say what is left."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec
from uuid import UUID

import click
import orjson

from ops.commands.actor import actor
from ops.commands.context import current_environment, current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from ops.paths import CHECKOUT
from storage.erasure import Erasure
from storage.errors import StoreDown
from storage.files.store import FileStore
from storage.search.store import SearchStore
from workbench.erasure.asking import Unaskable
from workbench.erasure.opening import Erasing, open_erasing
from workbench.erasure.subjects import NoKey

STEP_SECONDS = 0.5
OUTAGE_SECONDS = 2.0
_BYTES_GONE = frozenset({"cooling", "finished"})

P = ParamSpec("P")


@click.group()
def erase() -> None:
    """Erase events everywhere: packs, SQL, search, dead letters, caches.

    What is asked for is hidden within minutes; its bytes are gone from all packs within
    SLUICE_ERASURE_HOURS. It cannot be taken back.
    """


def _asking(function: Callable[P, None]) -> Callable[P, None]:
    """The options of every command that asks for an erasure."""
    options = (
        click.option("--yes", is_flag=True, help="Do not ask whether this is meant."),
        click.option("--wait", is_flag=True, help="Return when no store has a byte of it."),
        click.option(
            "--now",
            is_flag=True,
            help="Rewrite packs at once, and wait; their old objects keep their grace.",
        ),
        click.option(
            "--report",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write what was erased where, and what is not gone yet, as JSON.",
        ),
        json_option,
    )
    wrapped = functools.wraps(function)(told(_refusals_told(function)))
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def _refusals_told(function: Callable[P, None]) -> Callable[P, None]:
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Unaskable as exc:
            raise OpsError(str(exc)) from exc
        except NoKey as exc:
            raise OpsError(f"erasure_key_missing: {exc}") from exc

    return wrapped


@erase.command()
@click.argument("event_id", metavar="ID", type=click.UUID)
@_asking
def event(event_id: UUID, **how: Any) -> None:
    """Erase one event."""
    _confirm(f"erase event {event_id}", how)
    with _erasing() as erasing:
        _follow(erasing, erasing.asking.event(event_id, None, actor()), how)


@erase.command()
@click.argument("name", metavar="IDENTIFIER")
@click.option("--project", required=True, help="The project whose user this is.")
@_asking
def user(name: str, project: str, **how: Any) -> None:
    """Erase all events of a user, by identifier or e-mail; "-" reads it from standard input.

    Matched are events whose user has this identifier, e-mail or uuid (e-mails in any letter case),
    and real-user monitoring of the sessions in which such an event is. Only a keyed hash of the
    name is kept.
    """
    if name == "-":
        name = sys.stdin.readline().rstrip("\n")
    _confirm(f"erase all events of this user of {project}", how)
    with _erasing() as erasing:
        _follow(erasing, erasing.asking.user(project, name, actor()), how)


@erase.command()
@click.argument("name")
@_asking
def project(name: str, **how: Any) -> None:
    """Erase a project: its keys are refused at once, its name is free, all its events go."""
    _confirm(f"erase project {name} with all it has", how)
    with _erasing() as erasing:
        _follow(erasing, erasing.asking.project(name, actor()), how)


@erase.command("list")
@click.option("--limit", default=50, type=click.IntRange(1, 500))
@json_option
@told
def list_erasures(limit: int, as_json: bool) -> None:
    """Erasures, newest first."""
    with _erasing() as erasing:
        found = erasing.erasures.list(limit=limit).items
        documents = [erasing.reports.document(one) for one in found] if as_json else []
    if as_json:
        print_json({"items": documents, "next_cursor": None})
        return
    print_table(
        ("id", "at", "kind", "asked for", "state", "events", "waiting"),
        (
            (
                *(one.id, f"{one.at:%Y-%m-%d %H:%M:%S}", one.kind, one.shown, one.state),
                *(one.found.get("events", 0), one.waiting),
            )
            for one in found
        ),
    )


@erase.command()
@click.argument("erasure_id", metavar="ID", type=click.UUID)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@told
def show(erasure_id: UUID, report: Path | None, as_json: bool) -> None:
    """How far an erasure is, what it erased where, and what is not gone yet."""
    with _erasing() as erasing:
        found = erasing.erasures.find(erasure_id)
        if found is None:
            raise OpsError(f"erasure_not_found: there is no erasure {erasure_id}")
        _tell(erasing, found, report, as_json)


def _confirm(what: str, how: dict[str, Any]) -> None:
    if not how["yes"]:
        click.confirm(f"{what}? This cannot be taken back", abort=True, err=True)


@contextlib.contextmanager
def _erasing() -> Iterator[Erasing]:
    settings = current_settings()
    with open_database() as database:
        yield open_erasing(settings, database, FileStore(settings), SearchStore(settings))


def _follow(erasing: Erasing, erasure_id: UUID, how: dict[str, Any]) -> None:
    """Leave the erasure to the workers, or drive it until no store has a byte of it."""
    found = erasing.erasures.find(erasure_id)
    if how["wait"] or how["now"]:
        found = _drive(erasing, erasure_id, now=how["now"])
    if found is None:
        raise OpsError(f"erasure_not_found: there is no erasure {erasure_id}")
    _tell(erasing, found, how["report"], how["as_json"])


def _drive(erasing: Erasing, erasure_id: UUID, *, now: bool) -> Erasure | None:
    told_before = None
    while True:
        try:
            found = erasing.driver.step(erasure_id)
        except StoreDown as exc:
            say(f"{exc}; trying again")
            time.sleep(OUTAGE_SECONDS)
            continue
        if found is None or found.state in _BYTES_GONE:
            return found
        if (line := f"{found.state}: {found.waiting or 'at work'}") != told_before:
            say(told_before := line)
        if found.state == "rewriting" and now:
            _compact()
        if found.waiting:
            time.sleep(STEP_SECONDS)


def _compact() -> None:
    """Rewrite packs now, in a process of its own: commands and workers share no room."""
    subprocess.run(
        [sys.executable, "-m", "tasks.compaction_command", "--now"],
        cwd=CHECKOUT,
        env={**os.environ, **current_environment(), "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.DEVNULL,
        check=False,  # it says why on standard error, and is tried again
    )


def _tell(erasing: Erasing, found: Erasure, report: Path | None, as_json: bool) -> None:
    document = erasing.reports.document(found)
    if report is not None:
        report.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    if as_json:
        print_json(document)
        return
    erased, left = document["erased"], document["left"]
    click.echo(f"erasure {found.id}: {found.state}" + (f", {found.waiting}" * bool(found.waiting)))
    click.echo(
        f"erased {erased['events']} events: {erased['sql_rows']} rows,"
        f" {erased['search_documents']} documents, {erased['dead_letters']} dead letters,"
        f" {erased['parked_events']} parked, {erased['groups']} groups"
    )
    if left["events_with_bytes"]:
        click.echo(
            f"not gone yet: bytes of {left['events_with_bytes']} events in {left['packs']} packs,"
            f" by {left['bytes_gone_by']:%Y-%m-%d %H:%M} UTC"
        )
