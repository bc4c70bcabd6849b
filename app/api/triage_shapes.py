"""Shapes of what is decided on groups: bodies, and answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.api.answers import Group, Time, nullable
from app.api.arguments import Moment, Paged
from storage.sql.group_history import MAX_COMMENT_CHARS
from storage.sql.groups import SORTS
from storage.sql.saved_views import MAX_NAME_CHARS
from storage.triage import MAX_GROUPS, VERBS

MAX_IDS = 1000
_MOST = 1_000_000_000


def _text(most: int, **kwargs: Any) -> fields.String:
    return fields.String(load_default=None, validate=validate.Length(min=1, max=most), **kwargs)


def _more() -> fields.Integer:
    return fields.Integer(load_default=None, strict=True, validate=validate.Range(min=1, max=_MOST))


def _flag(*, default: bool = False) -> fields.Boolean:
    return fields.Boolean(load_default=default, truthy={True}, falsy={False})


def _ids(**kwargs: Any) -> Any:
    return fields.List(fields.UUID(), validate=validate.Length(min=1, max=MAX_IDS), **kwargs)


class ResolveBody(Schema):
    """In a ``version``: from it on the group regresses, or from the next one if it occurred in it
    already, or ``after`` says so. ``next``: after the latest version. Neither: as of now.
    """

    version = _text(200)
    after = _flag()
    next = _flag()


class IgnoreBody(Schema):
    """Until a time, so many more occurrences or so many more users; for ever without any."""

    until = Moment(load_default=None)
    count = _more()
    users = _more()


class AssignBody(Schema):
    """``me`` is who asks; null or ``nobody`` takes the group from whoever has it."""

    assignee = _text(200, allow_none=True)


class MergeBody(Schema):
    """Groups that become one with this one, which stands where this one does."""

    groups = _ids(required=True)


class SplitBody(Schema):
    """Fingerprints of the group, by their ids, that become groups of their own again."""

    fingerprints = _ids(required=True)


class DiscardGroupBody(Schema):
    """Why nothing more is stored."""

    reason = fields.String(load_default="", validate=validate.Length(max=1000))


class CommentBody(Schema):
    """What somebody says on a group."""

    text = fields.String(required=True, validate=validate.Length(min=1, max=MAX_COMMENT_CHARS))


class TriageBody(ResolveBody, IgnoreBody, AssignBody, DiscardGroupBody):
    """A decision on groups of a project: of these ``ids``, or all that a ``query`` lists now.

    With ``start`` false nothing happens yet: the answer tells what would be done to how many, and
    ``POST /triage/{id}/start`` does just that. ``expected``: how many groups are meant; were it
    others, nothing is done.
    """

    project = _text(200)
    verb = fields.String(required=True, validate=validate.OneOf(list(VERBS)))
    ids = _ids(load_default=None)
    query = fields.String(load_default=None, validate=validate.Length(max=2000))
    status = _text(50)
    into = fields.UUID(load_default=None)
    merge = fields.UUID(load_default=None)
    start = _flag(default=True)
    expected = fields.Integer(
        load_default=None, strict=True, validate=validate.Range(min=0, max=MAX_GROUPS)
    )

    @validates_schema
    def _one_choice(self, data: dict[str, Any], **_: Any) -> None:
        if (data.get("ids") is None) == (data.get("query") is None):
            raise ValidationError("give ids or a query, one of them", "ids")
        if data["verb"] == "split" and (data.get("merge") is None or data.get("ids") is None):
            raise ValidationError("to split, give a merge, and ids of its fingerprints", "merge")


class Action(Schema):
    """A decision on groups: what it does, to how many, chosen how, and how far it is.

    ``counts`` has its groups by state: waiting, done, skipped (gone or merged meanwhile), undone,
    kept (decided on since, so left alone by undo). ``undo_until`` is null when it cannot be undone.
    """

    id = fields.UUID(required=True)
    at = Time(required=True)
    project = fields.String(required=True)
    actor = fields.String(required=True)
    verb = fields.String(required=True)
    options = fields.Dict(required=True)
    query = nullable(fields.String, required=True)
    state = fields.String(required=True)
    sentence = fields.String(required=True)
    total = fields.Integer(required=True)
    counts = fields.Dict(required=True)
    finished_at = nullable(Time, required=True)
    undo_until = nullable(Time, required=True)
    undone_by = nullable(fields.String, required=True)


class Decided(Schema):
    """A group after a decision, and the action by which it can be undone."""

    group = fields.Nested(Group, required=True)
    action = fields.Nested(Action, required=True)


class ActionArguments(Paged):
    """Of which project."""

    project = _text(200)


class StatusArguments(Schema):
    """Which groups of the project are counted."""

    query = fields.String(load_default=None, validate=validate.Length(max=2000))


class Statuses(Schema):
    """How many groups stand where; ``new`` ones are among the open ones."""

    new = fields.Integer(required=True)
    open = fields.Integer(required=True)
    regressed = fields.Integer(required=True)
    resolved = fields.Integer(required=True)
    ignored = fields.Integer(required=True)
    total = fields.Integer(required=True)
    notices = fields.List(fields.Dict, required=True)


class Fingerprint(Schema):
    """A fingerprint of a group, with what came of it alone; ``discarded``: nothing more is kept."""

    id = fields.UUID(required=True)
    number = nullable(fields.Integer, required=True)
    fingerprint = fields.String(required=True)
    title = fields.String(required=True)
    culprit = nullable(fields.String, required=True)
    count = fields.Integer(required=True)
    users = fields.Integer(required=True)
    first_seen = Time(required=True)
    last_seen = Time(required=True)
    discarded = fields.Boolean(required=True)


class History(Schema):
    """Something that happened to a group, or to a fingerprint of it before they were merged. No
    ``actor``: the system did it.
    """

    id = fields.Integer(required=True)
    group_id = fields.UUID(required=True)
    at = Time(required=True)
    actor = nullable(fields.String, required=True)
    action = fields.String(required=True)
    detail = fields.Dict(required=True)
    action_id = nullable(fields.UUID, required=True)


class TrendArguments(Schema):
    """So many spans of so many hours, the last of them the present one."""

    spans = fields.Integer(load_default=24, validate=validate.Range(min=1, max=400))
    hours = fields.Integer(load_default=1, validate=validate.Range(min=1, max=168))


class VersionCounts(Schema):
    """Occurrences of a version by span; an empty version for those without one."""

    version = fields.String(required=True)
    counts = fields.List(fields.Integer, required=True)


class ReleaseMark(Schema):
    """When a version of the project was first seen."""

    version = fields.String(required=True)
    first_seen = Time(required=True)


class Trend(Schema):
    """Occurrences by span from ``start`` on, in all and by version, with the releases in it."""

    start = Time(required=True)
    end = Time(required=True)
    hours = fields.Integer(required=True)
    counts = fields.List(fields.Integer, required=True)
    versions = fields.List(fields.Nested(VersionCounts), required=True)
    releases = fields.List(fields.Nested(ReleaseMark), required=True)


class GroupVersion(Schema):
    """A version in which a group occurred; times are to the hour once events were taken out."""

    version = fields.String(required=True)
    events = fields.Integer(required=True)
    first_seen = Time(required=True)
    last_seen = Time(required=True)


class FacetValue(Schema):
    """A value of a facet, and how many events have it."""

    value = fields.String(required=True)
    events = fields.Integer(required=True)


class Facet(Schema):
    """Events by the value of a facet; ``more`` have a value that is not listed."""

    facet = fields.String(required=True)
    values = fields.List(fields.Nested(FacetValue), required=True)
    more = fields.Integer(required=True)


class UnusualValue(Schema):
    """A value that is more frequent among the group's events than among the project's others."""

    facet = fields.String(required=True)
    value = fields.String(required=True)
    events = fields.Integer(required=True)
    of = fields.Integer(required=True)
    other_events = fields.Integer(required=True)
    other_of = fields.Integer(required=True)


class Facets(Schema):
    """How a group's events spread over values. ``sampled`` is the share of them that was counted, 1
    for all; ``other_sampled`` that of the project's other events.
    """

    events = fields.Integer(required=True)
    sampled = fields.Float(required=True)
    other_sampled = nullable(fields.Float, required=True)
    facets = fields.List(fields.Nested(Facet), required=True)
    unusual = fields.List(fields.Nested(UnusualValue), required=True)
    notices = fields.List(fields.Dict, required=True)


class DiscardedFingerprint(Schema):
    """A fingerprint of which nothing is stored; ``filtered`` events of it were left out."""

    id = fields.UUID(required=True)
    project = fields.String(required=True)
    type = fields.String(required=True)
    title = fields.String(required=True)
    culprit = nullable(fields.String, required=True)
    reason = fields.String(required=True)
    actor = fields.String(required=True)
    at = Time(required=True)
    filtered = fields.Integer(required=True)


class Release(Schema):
    """A version of a project. ``events`` and ``groups`` are those that are kept; ``new`` groups
    were first seen in it, ``regressed`` ones came back in it, ``resolved`` ones stand as resolved
    in it. ``adoption`` is its share of the occurrences of the last day. ``users`` are estimated;
    null: search is away. ``crash_free`` is the share of its sessions of the last 14 days that did
    not crash, null without sessions.
    """

    version = fields.String(required=True)
    first_seen = Time(required=True)
    last_seen = Time(required=True)
    events = fields.Integer(required=True)
    groups = fields.Integer(required=True)
    new = fields.Integer(required=True)
    regressed = fields.Integer(required=True)
    resolved = fields.Integer(required=True)
    recent = fields.Integer(required=True)
    adoption = nullable(fields.Float, required=True)
    users = nullable(fields.Integer, required=True)
    crash_free = nullable(fields.Float, required=True)


class ViewBody(Schema):
    """A named query of the list of groups; one of the name is replaced. ``shared``: all see it."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=MAX_NAME_CHARS))
    query = fields.String(load_default="", validate=validate.Length(max=2000))
    sort = fields.String(load_default="last_seen", validate=validate.OneOf(sorted(SORTS)))
    shared = _flag()


class View(Schema):
    """A saved view; ``owner`` null: all see it who see the project."""

    id = fields.UUID(required=True)
    owner = nullable(fields.String, required=True)
    name = fields.String(required=True)
    query = fields.String(required=True)
    sort = fields.String(required=True)
    made_by = fields.String(required=True)
    made_at = Time(required=True)


class Views(Schema):
    """The saved views that a caller sees of a project, in one page."""

    items = fields.List(fields.Nested(View), required=True)
    next_cursor = nullable(fields.String, required=True)


class Done(Schema):
    """That it is done."""

    done = fields.Boolean(required=True)
