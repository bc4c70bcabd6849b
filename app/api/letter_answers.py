"""Shapes of the dead-letter endpoints' answers."""

from __future__ import annotations

from marshmallow import Schema, fields

from app.api.answers import Time, nullable


class DeadLetter(Schema):
    """An event that a stage gave up on, and why."""

    id = fields.UUID(required=True)
    event_id = fields.UUID(required=True)
    project = nullable(fields.String, required=True)
    type = fields.String(required=True)
    stage = fields.String(required=True)
    protocol = fields.String(required=True)
    code = fields.String(required=True)
    reason = fields.String(required=True)
    traceback = nullable(fields.String, required=True)
    cluster = fields.String(required=True)
    attempts = fields.Integer(required=True)
    at = Time(required=True)
    status = fields.String(required=True)
    status_at = nullable(Time, required=True)
    status_by = nullable(fields.String, required=True)
    status_reason = nullable(fields.String, required=True)
    edits = fields.Integer(required=True)
    release = fields.String(required=True)


class Payload(Schema):
    """Bytes as JSON: ``encoding`` of ``data`` is utf-8, or base64 for what is not UTF-8."""

    encoding = fields.String(required=True)
    data = fields.String(required=True)
    bytes = fields.Integer(required=True)


class FullDeadLetter(DeadLetter):
    """A letter with what a replay would send. ``payload`` is null where it cannot be read now, and
    ``payload_problem`` says why.
    """

    payload = nullable(fields.Nested, nested=Payload, required=True)
    payload_problem = nullable(fields.String, required=True)


class Edited(Schema):
    """``problem`` is what normalising says of the new payload; null: it can be normalised."""

    letter = fields.Nested(DeadLetter, required=True)
    problem = nullable(fields.String, required=True)


class Cluster(Schema):
    """Letters of one cause; ``cluster`` filters by it, ``example`` is its newest letter."""

    cluster = fields.String(required=True, attribute="key")
    stage = fields.String(required=True)
    code = fields.String(required=True)
    reason = fields.String(required=True)
    count = fields.Integer(required=True)
    projects = fields.Integer(required=True)
    first_at = Time(required=True)
    last_at = Time(required=True)
    example = fields.UUID(required=True)
    queues = fields.List(fields.String(), required=True)
    releases = fields.List(fields.String(), required=True)


class Discarded(Schema):
    """How many letters were discarded."""

    discarded = fields.Integer(required=True)


class RejectedLine(Schema):
    """A line that is no letter for here, by its number from 1."""

    line = fields.Integer(required=True)
    problem = fields.String(required=True)


class Imported(Schema):
    """What became of the lines; ``problems`` tells the first hundred rejected ones."""

    imported = fields.Integer(required=True)
    known = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    problems = fields.List(fields.Nested(RejectedLine), required=True)


class ReplayCounts(Schema):
    """Letters of a replay by state."""

    waiting = fields.Integer(required=True)
    claimed = fields.Integer(required=True)
    sent = fields.Integer(required=True)
    stored = fields.Integer(required=True)
    dead = fields.Integer(required=True)
    discarded = fields.Integer(required=True)
    skipped = fields.Integer(required=True)


class Replay(Schema):
    """A replay: canary, sending, settling, finished, stopped or cancelled. ``why`` it was asked for
    is its asker's word, ``reason`` tells why it ended.
    """

    id = fields.UUID(required=True)
    at = Time(required=True)
    actor = fields.String(required=True)
    why = nullable(fields.String, required=True)
    selection = fields.Dict(required=True)
    rate = fields.Float(required=True)
    canary = fields.Integer(required=True)
    status = fields.String(required=True)
    reason = nullable(fields.String, required=True)
    finished_at = nullable(Time, required=True)
    total = fields.Integer(required=True)
    counts = fields.Nested(ReplayCounts, required=True)


class ParkedMessage(Schema):
    """A message that no task could take; ``events`` is what the broker counts of it."""

    id = fields.String(required=True)
    queue = fields.String(required=True)
    why = fields.String(required=True)
    task = nullable(fields.String, required=True)
    events = fields.Integer(required=True)
    bytes = fields.Integer(required=True)
    oldest_at = nullable(Time, required=True)


class Unparked(Schema):
    """What became of a parked message; ``letters`` is how many events are newly dead."""

    id = fields.String(required=True)
    letters = nullable(fields.Integer, required=True)


class AuditEntry(Schema):
    """Who did what, when."""

    id = fields.Integer(required=True)
    at = Time(required=True)
    actor = fields.String(required=True)
    action = fields.String(required=True)
    subject = fields.String(required=True)
    detail = fields.Dict(required=True)
