"""Shapes of the erasure endpoints: what is asked, what is answered."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.api.answers import Time, nullable
from storage.erasure import KINDS
from workbench.erasure.asking import MAX_USER_CHARS


class ErasureBody(Schema):
    """One event by its id, a user of a project by identifier or e-mail, or a project by name."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    event = fields.UUID(load_default=None)
    user = fields.String(load_default=None, validate=validate.Length(min=1, max=MAX_USER_CHARS))
    project = fields.String(load_default=None, validate=validate.Length(min=1, max=200))

    @validates_schema
    def _names_it(self, data: dict[str, Any], **_: Any) -> None:
        """What the kind is about must be given, and nothing that it is not about."""
        if data.get("kind") == "project" and not data.get("project"):
            raise ValidationError("a project is erased by its name", "project")
        for name in ("event", "user"):
            if (data.get(name) is not None) != (data.get("kind") == name):
                raise ValidationError(f"is given exactly with kind {name}", name)


class Erased(Schema):
    """How much was erased, by where it was."""

    events = fields.Integer(required=True)
    events_by_type = fields.Dict(keys=fields.String(), values=fields.Integer())
    sql_rows = fields.Integer(required=True)
    search_documents = fields.Integer(required=True)
    dead_letters = fields.Integer(required=True)
    parked_events = fields.Integer(required=True)
    groups = fields.Integer(required=True)


class ErasedPack(Schema):
    """A pack that had events; ``bytes_gone_at`` is null while it or a copy has bytes of any."""

    pack = fields.UUID(required=True)
    type = fields.String(required=True)
    events = fields.Integer(required=True)
    bytes_gone_at = nullable(Time, required=True)


class Left(Schema):
    """What is not gone yet, and until when; what nobody could look into."""

    events_with_bytes = fields.Integer(required=True)
    packs = fields.Integer(required=True)
    packs_waiting_for_grace = fields.Integer(required=True)
    bytes_gone_by = nullable(Time, required=True)
    caches_until = nullable(Time, required=True)
    unreadable = fields.Integer(required=True)
    quarantined_spool_bytes = nullable(fields.Integer, required=True)


class Erasure(Schema):
    """An erasure and how far it is. A user is shown by a few letters only."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    project = nullable(fields.String, required=True)
    asked_for = fields.String(required=True)
    actor = fields.String(required=True)
    at = Time(required=True)
    state = fields.String(required=True)
    waiting = nullable(fields.String, required=True)
    finished_at = nullable(Time, required=True)
    erased = fields.Nested(Erased, required=True)
    packs = fields.List(fields.Nested(ErasedPack), required=True)
    left = fields.Nested(Left, required=True)
    not_reached = fields.List(fields.String, required=True)
