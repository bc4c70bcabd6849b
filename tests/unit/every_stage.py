"""All that is done to an event from the door to the stores, for tests that try any event."""

from __future__ import annotations

import json
from typing import Any

import orjson

from events.envelope import Envelope
from events.identities import identities
from events.ids import new_id
from events.record import Malformed
from events.redact.redactor import Redactor
from events.redact.rules import Rules
from events.registry import event_type
from events.sentry.attachments import PROTOCOL as WITH_FILES
from events.sentry.attachments import open_files
from storage.search.bulk import encode
from storage.sql.arrays import array_literal

AT_MS = 1_795_414_100_000


def through_every_stage(kind: str, protocol: str, body: bytes) -> None:
    """What an event comes to, fit for each store; raises :class:`Malformed` and nothing else."""
    if protocol == WITH_FILES:
        identities(Envelope(new_id(AT_MS), 1, kind, protocol, body))
        opened = open_files(body)
        protocol, body = opened.protocol, opened.body
        for file in opened.files:
            orjson.dumps([file.name, file.content_type, file.kind])
    redactor = Redactor(Rules())
    kept = redactor.redact(Envelope(new_id(AT_MS), 1, kind, protocol, body))
    assert redactor.redact(kept).body == kept.body
    identities(kept)
    module: Any = event_type(kind)
    record = module.normalise(kept)
    for column, value in zip(module.COLUMNS, record.row, strict=True):
        literal = array_literal([value])
        assert "\0" not in literal
        literal.encode()
        if column.pg_type == "jsonb" and value is not None:
            json.loads(value)
    encode("index", kind, record)
    orjson.dumps(module.picture(kept))


def is_refused_later(kind: str, protocol: str, body: bytes) -> bool:
    """Whether a stage refuses what the door let in: it would be a dead letter with a reason."""
    try:
        through_every_stage(kind, protocol, body)
    except Malformed:
        return True
    return False
