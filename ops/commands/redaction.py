"""redaction show, set: what a project has blanked before its events are stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

import click
import orjson

from events.redact.rules import DEFAULT_VALUES, BadRules, Rules, rules_of
from ops.commands.actor import actor
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.errors import RulesChanged
from storage.sql.database import Database
from storage.sql.projects import Project, Projects
from storage.sql.redaction import StoredRules
from workbench.redaction import open_redaction

_KINDS = click.Choice(list(DEFAULT_VALUES))


@click.group()
def redaction() -> None:
    """Rules by which values are blanked before an event is stored."""


@redaction.command()
@click.argument("project")
@json_option
@told
def show(project: str, as_json: bool) -> None:
    """The rules of a project."""
    with open_database() as database:
        stored = open_redaction(current_settings(), database).read(_find(database, project).id)
    _print(project, stored, as_json)


@redaction.command("set")
@click.argument("project")
@click.option("--file", "source", type=click.File("rb"), help="Rules as JSON; - reads them here.")
@click.option("--name", "names", multiple=True, help="Blank fields of this name too; * is any.")
@click.option("--no-name", "dropped", multiple=True, help="Take a --name back.")
@click.option("--keep", multiple=True, help="Do not blank fields of this name, a default's.")
@click.option("--no-keep", "unkept", multiple=True, help="Take a --keep back.")
@click.option("--on", multiple=True, type=_KINDS, help="Blank values of this kind.")
@click.option("--off", multiple=True, type=_KINDS, help="Leave values of this kind.")
@json_option
@told
def set_rules(
    project: str, source: BinaryIO | None, as_json: bool, **changes: tuple[str, ...]
) -> None:
    """Change the rules of a project. Events that are stored already stay as they are.

    With --file the rules are those of the file, else those in force; the other options change them.
    """
    with open_database() as database:
        book = open_redaction(current_settings(), database)
        found = _find(database, project)
        before = book.read(found.id).project
        rules = _changed(before.rules if source is None else _read(source), changes)
        try:
            stored = book.change(found.id, found.name, rules, actor(), before.version)
        except RulesChanged as exc:
            raise OpsError(f"somebody changed the rules just now: {exc}; run this again") from exc
    _print(project, stored, as_json)


def _find(database: Database, name: str) -> Project:
    project = Projects(database).by_name(name)
    if project is None:
        raise OpsError(f"there is no project named {name!r}")
    return project


def _read(source: BinaryIO) -> Rules:
    try:
        return rules_of(orjson.loads(source.read()))
    except orjson.JSONDecodeError as exc:
        raise OpsError(f"the rules are not JSON: {exc}") from exc
    except BadRules as exc:
        raise OpsError(str(exc)) from exc


def _changed(rules: Rules, changes: dict[str, tuple[str, ...]]) -> Rules:
    document: dict[str, Any] = rules.told()
    document["names"] = _list(rules.names, changes["names"], changes["dropped"])
    document["keep"] = _list(rules.keep, changes["keep"], changes["unkept"])
    document["values"].update(dict.fromkeys(changes["on"], True))
    document["values"].update(dict.fromkeys(changes["off"], False))
    try:
        return rules_of(document)
    except BadRules as exc:
        raise OpsError(str(exc)) from exc


def _list(now: Iterable[str], more: Iterable[str], less: tuple[str, ...]) -> list[str]:
    return [name for name in (*now, *more) if name not in less]


def _print(project: str, stored: StoredRules, as_json: bool) -> None:
    rules = stored.project.rules
    if as_json:
        version = stored.project.version
        changed = {"changed_by": stored.changed_by, "changed_at": stored.changed_at}
        print_json({"project": project, "version": version, **rules.told(), **changed})
        return
    rows = [("names", name) for name in rules.all_names]
    rows += [("kept", name) for name in rules.keep]
    rows += [(f"{kind} values", "on" if on else "off") for kind, on in rules.values.items()]
    print_table(("rule", "what"), rows)
