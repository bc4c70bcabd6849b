"""Shapes of what operators read: pools, messages, who holds what, full receipts, dry runs."""

from __future__ import annotations

from marshmallow import Schema, fields

from app.api.answers import Time, nullable


class Message(Schema):
    """A message where it lies. ``event_ids`` are the first of its events, ``pack`` what it names,
    where it was small enough to be read whole.
    """

    state = fields.String(required=True)
    owner = nullable(fields.String, required=True)
    returns = fields.Integer(required=True)
    bytes = fields.Integer(required=True)
    id = nullable(fields.String, required=True)
    task = nullable(fields.String, required=True)
    events = fields.Integer(required=True)
    oldest_at = nullable(Time, required=True)
    event_ids = fields.List(fields.UUID(), required=True)
    pack = nullable(fields.UUID, required=True)


class Child(Schema):
    """A process of a pool, and the task it has in hand."""

    pid = fields.Integer(required=True)
    rss_bytes = nullable(fields.Integer, required=True)
    task = nullable(fields.String, required=True)
    queue = nullable(fields.String, required=True)
    events = fields.Integer(required=True)
    since = nullable(Time, required=True)


class Pool(Schema):
    """A pool of workers: running, stopping, stopped or missing. ``replaced`` counts children that
    died or were recycled since it was started, ``starts`` how often it was started since yesterday.
    """

    name = fields.String(required=True)
    state = fields.String(required=True)
    age_seconds = fields.Float(required=True)
    kind = fields.String(required=True)
    size = fields.Integer(required=True)
    busy = fields.Integer(required=True)
    queues = fields.List(fields.String(), required=True)
    release = fields.String(required=True)
    pid = fields.Integer(required=True)
    rss_bytes = nullable(fields.Integer, required=True)
    started_at = Time(required=True)
    told_at = Time(required=True)
    replaced = fields.Integer(required=True)
    starts = fields.Integer(required=True)
    children = fields.List(fields.Nested(Child), required=True)


class StoreState(Schema):
    """How a store answered just now."""

    ok = fields.Boolean(required=True)
    problem = nullable(fields.String, required=True)
    seconds = fields.Float(required=True)


class Operations(Schema):
    """The state of the whole. What could not be asked is null: unknown, not none."""

    at = Time(required=True)
    stores = fields.Dict(keys=fields.String(), values=fields.Nested(StoreState), required=True)
    canary_age_seconds = nullable(fields.Dict, required=True)
    oldest_age_seconds = nullable(fields.Float, required=True)
    events_waiting = nullable(fields.Integer, required=True)
    in_per_second = nullable(fields.Float, required=True)
    out_per_second = nullable(fields.Float, required=True)
    pools_running = nullable(fields.Integer, required=True)
    pools_missing = nullable(fields.Integer, required=True)
    unattended_queues = nullable(fields.List, cls_or_instance=fields.String(), required=True)
    paused_queues = nullable(fields.List, cls_or_instance=fields.String(), required=True)
    dead_letters = nullable(fields.Integer, required=True)
    parked_messages = nullable(fields.Integer, required=True)
    spool_events = nullable(fields.Integer, required=True)
    unexplained = nullable(fields.Integer, required=True)


class CustodyRow(Schema):
    """A minute, project and type with events in flight: how many of them somebody holds."""

    minute = fields.String(required=True)
    project = nullable(fields.String, required=True)
    type = fields.String(required=True)
    in_flight = fields.Integer(required=True)
    held = fields.Integer(required=True)
    unexplained = nullable(fields.Integer, required=True)


class Custody(Schema):
    """Who holds what is in flight. ``complete`` is false where not all was looked through, as
    ``why`` says: then what is unexplained is unknown.
    """

    complete = fields.Boolean(required=True)
    why = nullable(fields.String, required=True)
    in_flight = fields.Integer(required=True)
    held = fields.Integer(required=True)
    unexplained = nullable(fields.Integer, required=True)
    rows = fields.List(fields.Nested(CustodyRow), required=True)


class Sample(Schema):
    """An event in flight, and where it was met."""

    event_id = fields.UUID(required=True)
    project = nullable(fields.String, required=True)
    type = fields.String(required=True)
    where = fields.String(required=True)


class Minute(Schema):
    """A minute of the ledger looked into. ``held`` are events that somebody holds; ``adrift`` have
    their row and wait for search, and no message names their pack. What is unexplained beyond
    these left no id behind.
    """

    minute = fields.String(required=True)
    complete = fields.Boolean(required=True)
    why = nullable(fields.String, required=True)
    rows = fields.List(fields.Nested(CustodyRow), required=True)
    held = fields.List(fields.Nested(Sample), required=True)
    adrift = fields.List(fields.Nested(Sample), required=True)


class Place(Schema):
    """Where an event's bytes lie."""

    pack = fields.UUID(required=True)
    key = fields.String(required=True)
    frame_offset = fields.Integer(required=True)
    frame_length = fields.Integer(required=True)
    offset = fields.Integer(required=True)
    length = fields.Integer(required=True)
    copies = fields.List(fields.UUID(), required=True)


class ReceiptStep(Schema):
    """A stage: when it was reached, how long after the step before, or the letter it ended in."""

    stage = fields.String(required=True)
    at = nullable(Time, required=True)
    seconds = nullable(fields.Float, required=True)
    letter = nullable(fields.UUID, required=True)
    code = nullable(fields.String, required=True)
    reason = nullable(fields.String, required=True)


class FullReceipt(Schema):
    """All that is known of an event's way. ``verdict``: stored, on_its_way, waiting (too young to
    be missed), dead, discarded, replaying, erased, past (its term), unknown.
    """

    id = fields.UUID(required=True)
    accepted_at = Time(required=True)
    verdict = fields.String(required=True)
    project = nullable(fields.String, required=True)
    type = nullable(fields.String, required=True)
    protocol = nullable(fields.String, required=True)
    group_id = nullable(fields.UUID, required=True)
    redacted = nullable(fields.Integer, required=True)
    place = nullable(fields.Nested, nested=Place, required=True)
    steps = fields.List(fields.Nested(ReceiptStep), required=True)
    letters = fields.List(fields.UUID(), required=True)
    erased_at = nullable(Time, required=True)
    queue = nullable(fields.String, required=True)
    broker_problem = nullable(fields.String, required=True)


class Tried(Schema):
    """A step of a dry run: passed, failed, unknown (its store is away) or skipped."""

    step = fields.String(required=True)
    outcome = fields.String(required=True)
    why = nullable(fields.String, required=True)
    traceback = nullable(fields.String, required=True)
    told = nullable(fields.String, required=True)


class DryRun(Schema):
    """What the pipeline would make of a dead letter now; nothing was written."""

    would_pass = fields.Boolean(required=True)
    steps = fields.List(fields.Nested(Tried), required=True)
    record = nullable(fields.Dict, required=True)


class ReplayItem(Schema):
    """A letter of a replay, or a replay that a letter was in."""

    letter_id = fields.UUID(required=True)
    event_id = fields.UUID(required=True)
    type = fields.String(required=True)
    state = fields.String(required=True)
    why = nullable(fields.String, required=True)
    replay_id = fields.UUID(required=True)
    replayed_at = Time(required=True)
    actor = fields.String(required=True)
