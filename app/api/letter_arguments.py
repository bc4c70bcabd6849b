"""Arguments of the dead-letter endpoints: filters in queries and in bodies, reasons, rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.api.arguments import Moment, Paged
from config.policy import EVENT_TYPES, STAGES
from storage.replay import DEFAULT_RATE, MAX_CANARY, MAX_RATE, MIN_RATE, STATES
from storage.sql.letter_filter import STATUSES, LetterFilter
from storage.sql.letter_rows import MAX_CODE_CHARS, MAX_REASON_CHARS
from storage.sql.replays import MAX_WHY_CHARS

MAX_IDS = 1000

_FILTERS = ("project", "type", "stage", "code", "cluster", "start", "end", "ids")


def _chosen(names: Any, **kwargs: Any) -> fields.String:
    return fields.String(load_default=None, validate=validate.OneOf(list(names)), **kwargs)


def _text(most: int) -> fields.String:
    return fields.String(load_default=None, validate=validate.Length(min=1, max=most))


class LetterFilters(Schema):
    """Which letters are meant; one that is absent means any."""

    project = _text(200)
    type = _chosen(row.name for row in EVENT_TYPES)
    stage = _chosen(row.name for row in STAGES)
    code = _text(MAX_CODE_CHARS)
    cluster = _text(64)
    start = Moment(data_key="from", load_default=None)
    end = Moment(data_key="to", load_default=None)


class LetterArguments(Paged, LetterFilters):
    """Filters of a list; ``status`` may be ``all``."""

    status = fields.String(load_default="open", validate=validate.OneOf([*STATUSES, "all"]))


class PayloadArguments(Schema):
    """Which payload: what a replay sends, or what the sender sent."""

    version = fields.String(
        load_default="current", validate=validate.OneOf(["current", "original"])
    )


class ImportArguments(Schema):
    """With ``restore`` the events were accepted here before, and are not counted again."""

    restore = fields.Boolean(load_default=False)


class AuditArguments(Paged):
    """``subject`` is the id of a letter, a replay or a parked message, or a queue."""

    subject = _text(200)


class ParkedArguments(Schema):
    """Parked messages of a queue, or of all."""

    queue = _text(100)


class ItemArguments(Paged):
    """Letters of a replay in one state, or in all."""

    state = _chosen(STATES)


class Selection(LetterFilters):
    """Filters in a body. None at all must be meant: then ``all`` is true."""

    ids = fields.List(fields.UUID(), load_default=None, validate=validate.Length(max=MAX_IDS))
    all = fields.Boolean(load_default=False, truthy={True}, falsy={False})

    @validates_schema
    def _is_meant(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["all"] and all(data[name] is None for name in _FILTERS):
            raise ValidationError("give a filter, or true for every open letter", "all")


class Pace(Schema):
    """How a replay goes: events a second, how many go first, and why, for who reads it later."""

    rate = fields.Float(
        load_default=DEFAULT_RATE, validate=validate.Range(min=MIN_RATE, max=MAX_RATE)
    )
    canary = fields.Integer(load_default=0, validate=validate.Range(min=0, max=MAX_CANARY))
    why = fields.String(load_default=None, validate=validate.Length(max=MAX_WHY_CHARS))


class ReplayBody(Selection, Pace):
    """A replay of the letters that match."""


class Reason(Schema):
    """Why something is discarded."""

    reason = fields.String(required=True, validate=validate.Length(min=1, max=MAX_REASON_CHARS))


class DiscardBody(Selection, Reason):
    """A discard of the letters that match."""


def letter_filter(arguments: Mapping[str, Any]) -> LetterFilter:
    """The filter of parsed arguments."""
    status = arguments.get("status", "open")
    ids = arguments.get("ids")
    given = {name: arguments.get(name) for name in _FILTERS if name != "ids"}
    return LetterFilter(
        **given,
        status=None if status == "all" else status,
        ids=None if ids is None else tuple(ids),
    )
