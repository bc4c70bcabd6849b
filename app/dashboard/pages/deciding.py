"""Forms that decide on groups: on those selected in the list, on all that match, or on one."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from app.api.endpoint import parse_id
from app.api.groups import find_group
from app.api.triage import decide, decide_many
from app.api.triage_shapes import MAX_IDS
from app.dashboard import links
from app.dashboard.page import Action, SeeOther, Visit
from app.dashboard.pages.group import OF_GROUP, of_path, path_of
from app.dashboard.session import local_path
from app.dashboard.triage.deciding import DecisionForm, decision_of
from app.dashboard.triage.telling import outcome
from app.errors import ApiError, bad_argument
from storage.sql.groups import Group
from storage.triage import TriageAction

_MOST_OTHERS = 100
_NUMBER = re.compile(r"#?(\d{1,18})\Z")


def _ids() -> Any:
    return fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=MAX_IDS))


class SelectionForm(DecisionForm):
    """The groups that are selected, or ``all`` that the list's filter means."""

    ids = _ids()
    all = fields.Boolean(load_default=False, truthy={"yes"}, falsy={"no"})
    query = fields.String(load_default=None, validate=validate.Length(max=2000))
    status = fields.String(load_default=None, validate=validate.Length(max=50))


class MergeForm(Schema):
    """Numbers of groups, as people write them: ``12, #15``."""

    others = fields.String(required=True, validate=validate.Length(max=2000))
    next = fields.String(load_default=None, validate=validate.Length(max=4000))


class SplitForm(Schema):
    """Fingerprints of a merged group."""

    fingerprints = _ids()
    next = fields.String(load_default=None, validate=validate.Length(max=4000))


def decide_on_selection(visit: Visit) -> SeeOther:
    """Decide on the groups that are selected, at once; or freeze all that match, and lead to where
    that is confirmed. Raises ``ApiError`` 400 when none is selected.
    """
    form, project = visit.arguments, visit.of_project
    is_all = form["all"]
    if not is_all and not form["ids"]:
        raise bad_argument("ids", "select the groups that are meant, or all that match")
    verb, arguments = decision_of(form, visit.now)
    chosen = {
        "ids": None if is_all else form["ids"],
        "query": (form["query"] or "") if is_all else None,
        "status": form["status"] if is_all else None,
    }
    action = decide_many(
        visit.desk,
        {
            **arguments,
            **chosen,
            "verb": verb,
            "project": project.name,
            "expected": None,
            "start": not is_all,
        },
    )
    if is_all:
        return SeeOther(links.decision(project, action.id))
    return _told(visit, action)


def decide_on_group(visit: Visit) -> SeeOther:
    """Decide on the group that the path names."""
    found = of_path(visit)
    verb, arguments = decision_of(visit.arguments, visit.now)
    return _told_of(visit, found, decide(visit.desk, found, verb, arguments))


def merge_others(visit: Visit) -> SeeOther:
    """Make others one with the group that the path names."""
    found = of_path(visit)
    others = [
        _other(visit, word) for word in re.split(r"[\s,]+", visit.arguments["others"]) if word
    ]
    if not 1 <= len(others) <= _MOST_OTHERS:
        raise bad_argument("others", f"give the numbers of 1 to {_MOST_OTHERS} groups")
    action = decide(visit.desk, found, "merge", {"groups": [one.id for one in others]})
    return _told_of(visit, found, action, f"#{found.number} and {len(others):,} more")


def split_off(visit: Visit) -> SeeOther:
    """Let fingerprints of the group that the path names be groups of their own again."""
    found = of_path(visit)
    if not visit.arguments["fingerprints"]:
        raise bad_argument("fingerprints", "select those to split off")
    fingerprints: list[UUID] = visit.arguments["fingerprints"]
    action = decide(visit.desk, found, "split", {"fingerprints": fingerprints})
    still = visit.desk.stores.groups.find(fingerprints[0])
    return _told(visit, action, path_of(visit, still) if still else links.groups(visit.of_project))


def _other(visit: Visit, word: str) -> Group:
    """A group by its number or id; raises ``ApiError`` 400 for what is none of the project's."""
    project = visit.of_project
    try:
        number = _NUMBER.match(word)
        if number is None:
            other: Group | None = find_group(visit.desk, str(parse_id(word, "group")))
        else:
            other = visit.desk.stores.groups.find_number(project.id, int(number[1]))
    except ApiError as exc:
        if exc.status != 404:
            raise
        other = None
    if other is None or other.project_id != project.id:
        raise bad_argument("others", f"{word[:50]} is no group of this project")
    return other


def _told_of(visit: Visit, group: Group, action: TriageAction, what: str = "") -> SeeOther:
    """Back to the group, which may be part of another by now."""
    back = visit.arguments["next"]
    path = local_path(back) if back else path_of(visit, group)
    return _told(visit, action, path, what or f"#{group.number}")


def _told(visit: Visit, action: TriageAction, path: str = "", what: str = "") -> SeeOther:
    project, back = visit.of_project, visit.arguments["next"]
    path = path or (local_path(back) if back else links.groups(project))
    undo = links.undo(project, action.id)
    if action.state != "finished":
        return SeeOther(links.decision(project, action.id))
    return SeeOther(path, outcome(action, what), undo if action.undo_until else "")


ACTIONS = (
    Action(
        "/p/<project>/groups/decide",
        "decide_on_selection",
        decide_on_selection,
        SelectionForm,
        needs="triage",
    ),
    Action(f"{OF_GROUP}/decide", "decide_on_group", decide_on_group, DecisionForm, needs="triage"),
    Action(f"{OF_GROUP}/merge", "merge_others", merge_others, MergeForm, needs="triage"),
    Action(f"{OF_GROUP}/split", "split_off", split_off, SplitForm, needs="triage"),
)
