"""group resolve, ignore, merge, …: decisions on groups, and taking them back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from ops.commands.actor import actor
from ops.commands.group_place import Place, open_place
from ops.commands.output import json_option, print_json, say, told
from ops.errors import OpsError
from storage.sql.triage_actions import ActionNotOpen
from storage.triage import MAX_GROUPS, TriageAction


@click.command()
@click.argument("project")
@click.argument("action_id", type=click.UUID)
@told
def undo(project: str, action_id: UUID) -> None:
    """Take an action back by its id, for ten minutes: groups decided on since are left alone."""
    with open_place(project) as place:
        found = place.triage.actions.find(action_id)
        if found is None or found.project_id != place.project.id:
            raise OpsError("there is no such action")
        with _told_why():
            place.triage.actions.undo(action_id, actor())
        _finish(place, found)


def _decision(
    *options: Callable[[Any], Any],
) -> Callable[[Callable[..., dict[str, Any]]], click.Command]:
    """A command that decides on groups; the function gives what is decided beside its verb."""

    def command(function: Callable[..., dict[str, Any]]) -> click.Command:
        verb = function.__name__

        @click.argument("project")
        @click.argument("numbers", type=int, nargs=-1)
        @click.option("--query", help="All groups that this lists, in place of NUMBERS.")
        @click.option("--yes", is_flag=True, help="Do not ask.")
        @json_option
        @told
        def run(
            project: str,
            numbers: tuple[int, ...],
            query: str | None,
            *,
            yes: bool,
            as_json: bool,
            **given: Any,
        ) -> None:
            if bool(numbers) == (query is not None):
                raise click.UsageError("give either numbers of groups or --query")
            with open_place(project) as place:
                ids = _meant(place, numbers, query)
                _decide(place, verb, ids, query, function(place, **given), yes=yes, as_json=as_json)

        decorated: Any = run
        for option in options:
            decorated = option(decorated)
        made: click.Command = click.command(verb, help=function.__doc__)(decorated)
        return made

    return command


@_decision(
    click.option("--version", help="The version in which they are resolved."),
    click.option("--next", "next_version", is_flag=True, help="After the latest version seen."),
)
def resolve(place: Place, version: str | None, *, next_version: bool) -> dict[str, Any]:
    """Resolve groups: as of now, in a version, or after the latest."""
    if not next_version:
        return {"version": version} if version else {}
    latest = place.triage.releases.latest(place.project.id)
    if latest is None or version:
        raise OpsError("give either --version or --next, which needs events with a version")
    return {"version": latest, "after": True}


@_decision()
def reopen(place: Place) -> dict[str, Any]:
    """Open groups again."""
    del place
    return {}


@_decision(
    click.option("--until", type=click.DateTime(), help="A time, in UTC."),
    click.option("--count", type=click.IntRange(1), help="So many more occurrences."),
    click.option("--users", type=click.IntRange(1), help="So many more users."),
)
def ignore(
    place: Place, until: datetime | None, count: int | None, users: int | None
) -> dict[str, Any]:
    """Ignore groups: for ever, or until something."""
    del place
    found = {
        "until": until and until.replace(tzinfo=UTC).isoformat(),
        "count": count,
        "users": users,
    }
    return {name: value for name, value in found.items() if value}


@_decision(
    click.option("--to", "assignee", help="Whose they are from now on."),
)
def assign(place: Place, assignee: str | None) -> dict[str, Any]:
    """Give groups to somebody; to nobody without --to."""
    del place
    return {"assignee": assignee} if assignee else {}


@_decision(
    click.option("--into", type=int, help="The group that they become."),
)
def merge(place: Place, into: int | None) -> dict[str, Any]:
    """Make groups one; --into, or the oldest, is what they become."""
    return {} if into is None else {"into": place.numbered(into).id.hex}


@_decision(
    click.option("--reason", default="", help="Why, for others to read."),
)
def discard(place: Place, reason: str) -> dict[str, Any]:
    """Store no further event of groups; what is stored stays."""
    del place
    return {"reason": reason}


@_decision()
def undiscard(place: Place) -> dict[str, Any]:
    """Store events of groups again."""
    del place
    return {}


@click.command()
@click.argument("project")
@click.argument("number", type=int)
@click.argument("fingerprints", type=click.UUID, nargs=-1, required=True)
@json_option
@told
def split(project: str, number: int, fingerprints: tuple[UUID, ...], as_json: bool) -> None:
    """Let FINGERPRINTS of the merged group NUMBER be groups of their own again."""
    with open_place(project) as place:
        options = {"merge": place.numbered(number).id.hex}
        _decide(place, "split", fingerprints, None, options, yes=True, as_json=as_json)


def _meant(place: Place, numbers: Sequence[int], query: str | None) -> Sequence[UUID]:
    if query is None:
        return [place.numbered(number).id for number in numbers]
    narrowed = place.narrowed(query, None)
    if narrowed.left_out:
        raise OpsError("search is away, so which groups the query means cannot be told")
    ids = place.groups.ids(narrowed.wanted, MAX_GROUPS + 1)
    if not ids:
        raise OpsError("no group matches")
    return ids


def _decide(
    place: Place,
    verb: str,
    ids: Sequence[UUID],
    query: str | None,
    options: dict[str, Any],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    actions = place.triage.actions
    action = actions.freeze(place.project.id, verb, options, ids, actor(), query)
    if not yes:
        click.confirm(f"{action.sentence()}?", abort=True, err=True)
    with _told_why():
        actions.start(action.id, actor())
    action = _finish(place, action, quiet=as_json)
    if as_json:
        print_json({name: getattr(action, name) for name in TriageAction.__slots__})


def _finish(place: Place, action: TriageAction, *, quiet: bool = False) -> TriageAction:
    """Apply an action to its end, with its progress where it is long; what came of it."""
    action = place.triage.actions.step(action.id)
    with click.progressbar(length=action.total, label="groups", file=sys.stderr) as bar:
        while action.state in ("running", "undoing"):
            left = action.counts.get("waiting" if action.state == "running" else "done", 0)
            bar.update(action.total - left - bar.pos)
            action = place.triage.actions.step(action.id)
    if not quiet:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(action.counts.items()))
        click.echo(f"{action.id} {action.state}: {counts}")
    if action.counts.get("skipped"):
        say(f"skipped: {place.triage.actions.why(action.id)}")
    return action


@contextmanager
def _told_why() -> Iterator[None]:
    try:
        yield
    except ActionNotOpen as exc:
        raise OpsError(str(exc)) from None


ACTIONS: tuple[click.Command, ...] = (
    resolve,
    reopen,
    ignore,
    assign,
    merge,
    split,
    discard,
    undiscard,
    undo,
)
