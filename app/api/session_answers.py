"""Shapes of what is read of sessions and users."""

from __future__ import annotations

from marshmallow import Schema, fields

from app.api.answers import Time, nullable


class SessionRow(Schema):
    """A session that began. The counts are null while search cannot tell them."""

    session_id = fields.String(required=True)
    event_id = fields.String(required=True)
    started_at = Time(required=True)
    last_at = nullable(Time, required=True)
    user = nullable(fields.String, required=True, attribute="user_key")
    version = nullable(fields.String, required=True)
    browser = nullable(fields.String, required=True)
    os = nullable(fields.String, required=True)
    device = nullable(fields.String, required=True)
    country = nullable(fields.String, required=True)
    entry = nullable(fields.String, required=True)
    views = nullable(fields.Integer, required=True)
    pages = nullable(fields.Integer, required=True)
    requests = nullable(fields.Integer, required=True)
    crashes = nullable(fields.Integer, required=True)


class Resource(Schema):
    """A request, asset or custom timing of a step; times in ms, ``size`` in bytes."""

    kind = fields.String(required=True)
    name = fields.String(required=True)
    ms = nullable(fields.Float, required=True)
    start_ms = nullable(fields.Float, required=True)
    size = nullable(fields.Integer, required=True)
    status = nullable(fields.Integer, required=True)


class Step(Schema):
    """An event of a session: a view, a request, a custom timing, a vital, a border."""

    event_id = fields.String(required=True)
    at = Time(required=True)
    received_at = Time(required=True)
    kind = fields.String(required=True)
    path = nullable(fields.String, required=True)
    duration_ms = nullable(fields.Float, required=True)
    resources = fields.List(fields.Nested(Resource), required=True)


class SessionCrash(Schema):
    """A crash of the session, and how that is known: it names the session, or user and time fit."""

    event_id = fields.String(required=True)
    group_id = nullable(fields.String, required=True)
    title = fields.String(required=True)
    at = Time(required=True)
    linked_by = nullable(fields.String, required=True)


class Entry(Schema):
    """A line of the timeline: a step, or a crash. ``pause_seconds`` is a long pause before it;
    ``inside`` is what happened in the view, whose vitals are told with it.
    """

    at = Time(required=True)
    step = nullable(fields.Nested, nested=Step, required=True)
    crash = nullable(fields.Nested, nested=SessionCrash, required=True)
    pause_seconds = nullable(fields.Float, required=True)
    inside = fields.List(fields.Nested(Step), required=True)
    vitals = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)


class Session(Schema):
    """A session from its first event to its last. ``crashes_known`` is false while crashes cannot
    be looked for; ``more`` is true when steps were left out.
    """

    session_id = fields.String(required=True)
    project = fields.String(required=True)
    user = nullable(fields.String, required=True)
    names = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    version = nullable(fields.String, required=True)
    browser = nullable(fields.String, required=True)
    os = nullable(fields.String, required=True)
    device = nullable(fields.String, required=True)
    country = nullable(fields.String, required=True)
    started_at = Time(required=True)
    ended_at = Time(required=True)
    has_start = fields.Boolean(required=True)
    more = fields.Boolean(required=True)
    crashes_known = fields.Boolean(required=True)
    clock_skew_seconds = nullable(fields.Float, required=True)
    timeline = fields.List(fields.Nested(Entry), required=True)


class UserGroup(Schema):
    """A group of crashes that the user met."""

    group_id = fields.String(required=True)
    title = nullable(fields.String, required=True)
    status = nullable(fields.String, required=True)
    count = fields.Integer(required=True)
    first_at = Time(required=True)
    last_at = Time(required=True)


class UserSession(Schema):
    """A session of the user."""

    session_id = fields.String(required=True)
    first_at = Time(required=True)
    last_at = Time(required=True)
    events = fields.Integer(required=True)
    views = fields.Integer(required=True)


class Value(Schema):
    """A value of an attribute, and how many events had it."""

    value = fields.String(required=True)
    events = fields.Integer(required=True, attribute="views")


class AppUser(Schema):
    """A user of a project; ``groups`` and ``sessions`` are the latest of so many as counted."""

    project = fields.String(required=True)
    user = fields.String(required=True)
    names = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    crashes = fields.Integer(required=True)
    rum_events = fields.Integer(required=True)
    first_at = Time(required=True)
    last_at = Time(required=True)
    group_count = fields.Integer(required=True)
    groups = fields.List(fields.Nested(UserGroup), required=True)
    session_count = fields.Integer(required=True)
    sessions = fields.List(fields.Nested(UserSession), required=True)
    devices = fields.Dict(
        keys=fields.String(), values=fields.List(fields.Nested(Value)), required=True
    )
