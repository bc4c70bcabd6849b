"""group list, show: groups of a project, and what there is to one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from ops.commands.group_actions import ACTIONS
from ops.commands.group_place import open_place
from ops.commands.output import json_option, print_json, print_table, say, told
from storage.sql.groups import SORTS, Group

_STATUS = click.Choice(["new", "open", "regressed", "resolved", "ignored"])


@click.group()
def group() -> None:
    """Groups of crashes: which there are, and what was decided on them."""


@group.command("list")
@click.argument("project")
@click.option("--query", default="", help="As docs/search.md tells, such as 'is:new count:>10'.")
@click.option("--status", type=_STATUS)
@click.option("--sort", type=click.Choice(sorted(SORTS)), default="last_seen", show_default=True)
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@json_option
@told
def list_groups(
    project: str, query: str, status: str | None, sort: str, limit: int, as_json: bool
) -> None:
    """Groups of a PROJECT, highest by --sort first."""
    with open_place(project) as place:
        narrowed = place.narrowed(query, status)
        page = place.groups.list(narrowed.wanted, sort, limit=limit)
    for notice in narrowed.notices():
        say(notice["message"])
    if as_json:
        items = [_document(one) for one in page.items]
        print_json({"items": items, "next_cursor": page.next_cursor})
        return
    print_table(
        ("number", "status", "count", "users", "last seen", "title", "culprit", "assigned"),
        (
            (
                *(one.number, _status(one), one.count, one.users, _time(one.last_seen)),
                *(one.title, one.culprit, one.triage.assignee),
            )
            for one in page.items
        ),
    )
    if page.next_cursor:
        say(f"there are more than {limit}")


@group.command()
@click.argument("project")
@click.argument("number", type=int)
@json_option
@told
def show(project: str, number: int, as_json: bool) -> None:
    """A group by its NUMBER: its fingerprints, versions and history."""
    with open_place(project) as place:
        found = place.numbered(number)
        members = place.groups.members(found.id)
        versions = place.triage.trends.versions(found.id)
        history = place.triage.history.list(found.id, limit=200).items
    document = _document(found)
    if as_json:
        parts = {
            "fingerprints": [_fields(one) for one in members],
            "versions": [_fields(one) for one in versions],
            "history": [_fields(one) for one in history],
        }
        print_json({**document, **parts})
        return
    for name, value in document.items():
        click.echo(f"{name}: {'' if value is None else value}")
    print_table(
        ("fingerprint", "number", "events", "users", "discarded"),
        ((one.id, one.number, one.count, one.users, one.discarded) for one in members),
    )
    print_table(
        ("version", "events", "first seen", "last seen"),
        (
            (one.version, one.events, _time(one.first_seen), _time(one.last_seen))
            for one in versions
        ),
    )
    print_table(
        ("at", "who", "what", "detail"),
        ((_time(one.at), one.actor or "sluice", one.action, one.detail) for one in history),
    )


def _document(one: Group) -> dict[str, Any]:
    triage = one.triage
    document = {name: getattr(one, name) for name in Group.__slots__ if name != "triage"}
    return {
        **document,
        "new": triage.is_new(one.first_seen, datetime.now(UTC)),
        "assignee": triage.assignee,
        "status_at": triage.since,
        "resolved_in": triage.resolution.version,
        "resolved_after": triage.resolution.after,
        "ignored_until": triage.until.at,
        "ignored_until_count": triage.until.count,
        "ignored_until_users": triage.until.users,
    }


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def _status(one: Group) -> str:
    new = one.triage.is_new(one.first_seen, datetime.now(UTC))
    return "new" if new else one.status + (" (discarded)" if one.discarded else "")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


for _command in ACTIONS:
    group.add_command(_command)
