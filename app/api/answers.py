"""Shapes of answers: marshmallow schemas that rows are dumped by and OpenAPI is made from."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from marshmallow import INCLUDE, Schema, fields

from app.api.times import iso


class Time(fields.DateTime):
    """A time as ISO 8601 in UTC with ``Z``; one that is text already stays as it is."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        del attr, obj, kwargs
        return iso(value) if isinstance(value, datetime) else value


def nullable(field: type[fields.Field[Any]], **kwargs: Any) -> Any:
    """A field that may be null."""
    return field(allow_none=True, **kwargs)


class Problem(Schema):
    """``error`` of every answer that is not a success."""

    code = fields.String(required=True)
    message = fields.String(required=True)


class Failure(Schema):
    """Every answer that is not a success."""

    error = fields.Nested(Problem, required=True)


class Frame(Schema):
    """A stack frame."""

    file = nullable(fields.String)
    line = nullable(fields.Integer)
    column = nullable(fields.Integer)
    class_name = nullable(fields.String)
    method = nullable(fields.String)
    source = nullable(fields.String)
    before = nullable(fields.List, cls_or_instance=fields.String)
    after = nullable(fields.List, cls_or_instance=fields.String)
    in_app = nullable(fields.Boolean)
    locals = nullable(fields.Raw)


class ErrorDetail(Schema):
    """An error with its frames, innermost first, and the errors that caused it."""

    class_name = nullable(fields.String)
    message = nullable(fields.String)
    frames = fields.List(fields.Nested(Frame))
    frames_omitted = fields.Integer()
    inner = fields.List(fields.Nested("ErrorDetail"))
    data = nullable(fields.Raw)


class Event(Schema):
    """The full picture of an event; a type may add parts of its own, absent ones are null."""

    class Meta:
        """Further keys are allowed."""

        unknown = INCLUDE

    id = fields.UUID(required=True)
    project = nullable(fields.String, required=True)
    type = fields.String(required=True)
    received_at = Time(required=True)
    occurred_at = nullable(Time, required=True)
    group_id = nullable(fields.UUID, required=True)
    client = nullable(fields.Dict)
    version = nullable(fields.String)
    error = nullable(fields.Nested, nested=ErrorDetail)
    environment = nullable(fields.Dict)
    request = nullable(fields.Dict)
    user = nullable(fields.Dict)
    tags = nullable(fields.Raw)
    custom = nullable(fields.Raw)
    breadcrumbs = nullable(fields.List, cls_or_instance=fields.Dict)
    other = nullable(fields.Dict)
    redacted = fields.Integer(
        required=True, metadata={"description": "Places that redaction blanked before storing."}
    )


class Receipt(Schema):
    """Which stages an event has reached: null, a time, or ``{"dead_letter": id}``. ``filtered`` is
    when it was left out instead, as its fingerprint is discarded.
    """

    id = fields.UUID(required=True)
    accepted_at = Time(required=True)
    files = nullable(fields.Raw, required=True)
    sql = nullable(fields.Raw, required=True)
    search = nullable(fields.Raw, required=True)
    filtered = nullable(Time, required=True)


class Group(Schema):
    """Crashes that share a fingerprint, or several that were merged. ``count`` and ``users`` are of
    all events ever seen, of which ``dropped`` went when their term ended.

    ``number`` is the project's own. ``new``: open, of the last week, and nobody has decided
    anything. ``resolved_in`` a version: from it on, or ``resolved_after`` it, the group regresses;
    without one, with whatever is received after ``status_at``. Ignored without an ``until`` is for
    ever. ``members`` counts fingerprints; of ``discarded`` ones nothing more is stored.
    """

    id = fields.UUID(required=True)
    title = fields.String(required=True)
    culprit = nullable(fields.String, required=True)
    project = fields.String(required=True)
    type = fields.String(required=True)
    count = fields.Integer(required=True)
    users = fields.Integer(required=True)
    first_seen = Time(required=True)
    last_seen = Time(required=True)
    status = fields.String(required=True)
    dropped = fields.Integer(required=True)
    number = nullable(fields.Integer, required=True)
    new = fields.Boolean(required=True)
    status_at = nullable(Time, required=True)
    assignee = nullable(fields.String, required=True)
    resolved_in = nullable(fields.String, required=True)
    resolved_after = fields.Boolean(required=True)
    ignored_until = nullable(Time, required=True)
    ignored_until_count = nullable(fields.Integer, required=True)
    ignored_until_users = nullable(fields.Integer, required=True)
    members = fields.Integer(required=True)
    discarded = fields.Boolean(required=True)


class Notice(Schema):
    """What an answer lacks, and why: ``code`` is stable, the message for a person."""

    code = fields.String(required=True)
    message = fields.String(required=True)


class GroupPage(Schema):
    """A page of groups."""

    items = fields.List(fields.Nested(Group), required=True)
    next_cursor = nullable(fields.String, required=True)
    notices = fields.List(fields.Nested(Notice), required=True)


class Occurrence(Schema):
    """An event of a list; a type adds columns of its own."""

    class Meta:
        """Further keys are allowed."""

        unknown = INCLUDE

    id = fields.UUID(required=True)
    project = nullable(fields.String, required=True)
    type = fields.String(required=True)
    received_at = Time(required=True)
    occurred_at = nullable(Time, required=True)
    group_id = nullable(fields.UUID, required=True)


class Counts(Schema):
    """The sides of the ledger: accepted = stored + filtered + … + in_flight. ``client_lost`` is
    outside of that: events that clients say they could not send.
    """

    accepted = fields.Integer(required=True)
    stored = fields.Integer(required=True)
    filtered = fields.Integer(required=True)
    over_quota = fields.Integer(required=True)
    dead = fields.Integer(required=True)
    discarded = fields.Integer(required=True)
    in_flight = fields.Integer(required=True)
    overdue = fields.Integer(required=True)
    client_lost = fields.Integer(required=True)


class MinuteCounts(Counts):
    """The ledger of one minute of ids, one project and one type."""

    minute = fields.String(required=True)
    project = nullable(fields.String, required=True)
    type = fields.String(required=True)


class Ledger(Schema):
    """The ledger of a time range."""

    balanced = fields.Boolean(required=True)
    totals = fields.Nested(Counts, required=True)
    broker_events = nullable(fields.Integer, required=True)
    spool_events = nullable(fields.Integer, required=True)
    minutes = fields.List(fields.Nested(MinuteCounts), required=True)


class QueuePause(Schema):
    """Why a queue is paused; ``seconds_left`` is null for a pause that only an operator ends."""

    kind = fields.String(required=True)
    reason = fields.String(required=True)
    seconds_left = nullable(fields.Float, required=True)


class Queue(Schema):
    """A queue: messages by state, events in all of them, age of the oldest that waits.

    ``amnesty_seconds`` is how long its stage may still dead-letter any share of its events. The
    rates are events a second over the last minute, ``pools`` those that work on it now. ``known``
    is false for a queue that this version has no task for.
    """

    queue = fields.String(required=True)
    ready = fields.Integer(required=True)
    reserved = fields.Integer(required=True)
    parked = fields.Integer(required=True)
    events = fields.Integer(required=True)
    oldest_age_seconds = nullable(fields.Float, required=True)
    paused = fields.Boolean(required=True)
    pause = nullable(fields.Nested, nested=QueuePause, required=True)
    amnesty_seconds = fields.Float(required=True)
    in_per_second = fields.Float(required=True)
    out_per_second = fields.Float(required=True)
    pools = fields.List(fields.String(), required=True)
    known = fields.Boolean(required=True)
    seconds_to_drain = nullable(fields.Float, required=True)


class Slice(Schema):
    """Events that went into a queue and out of it, within 15 seconds."""

    at = Time(required=True)
    into = fields.Integer(required=True)
    out = fields.Integer(required=True)


class QueueFlow(Queue):
    """A queue with its flow, oldest first, as far back as it is kept."""

    slices = fields.List(fields.Nested(Slice), required=True)


class Project(Schema):
    """A tenant."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    created_at = Time(required=True)
    dsn = nullable(
        fields.String,
        required=True,
        metadata={"description": "What Sentry's SDKs are set up with; null: all its keys revoked."},
    )


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a list of ``item``; ``next_cursor`` is null on the last page."""
    made: type[Schema] = Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next_cursor": nullable(fields.String, required=True),
        },
        name=f"{item.__name__}Page",
    )
    return made
