"""The last requests of SDKs that were refused, by project, for whoever sets one up.

A field of the hash ``refusals:<project>`` is a kind of refusal, in JSON ``[code, path, beginning of
the key]``, its value ``<last time in ms>|<how often>|<JSON of the rest>``. Requests whose key is
nobody's are under ``refusals:nobody``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import structlog

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret
from events.ids import time_of
from events.text import storable

MOST = 20
"""Kinds of refusals that are kept of a project."""
KEPT_SECONDS = 7 * 86_400

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """Refusals that are told as one: by code, path of the request, and the key's beginning."""

    code: str
    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kind of refusal, how often it came and when last; ``message`` and ``sender``, what its HTTP
    client calls itself, are of the last.
    """

    kind: Kind
    status: int
    message: str
    sender: str
    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Noted:
    """Refusals of a kind that are to be noted: as :class:`Refusal`, with the time in ms."""

    status: int
    message: str
    sender: str
    at_ms: int
    count: int


class Refusals:
    """Thread-safe; connects when used. Methods raise :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def note(self, project_id: int | None, noted: Mapping[Kind, Noted]) -> None:
        """Note refusals of a project, or with a null of nobody's key."""
        parts = [part for kind, one in noted.items() for part in _fields(kind, one)]
        with broker_errors():
            scripts.run(
                self._client, "note_refusals", keys.refusals(project_id), MOST, KEPT_SECONDS, *parts
            )

    def of_project(self, project_id: int | None) -> Sequence[Refusal]:
        """The last refusals of a project, or with a null of nobody's key; the last first."""
        with broker_errors():
            found = self._client.hgetall(keys.refusals(project_id))
        read = (_refusal(field, value) for field, value in found.items())
        return sorted((one for one in read if one), key=lambda one: one.at, reverse=True)


def _fields(kind: Kind, noted: Noted) -> tuple[bytes, int, int, bytes]:
    told = [noted.status, storable(noted.message), storable(noted.sender)]
    field = [kind.code, kind.path, storable(kind.key)]
    return orjson.dumps(field), noted.at_ms, noted.count, orjson.dumps(told)


def _refusal(field: bytes, value: bytes) -> Refusal | None:
    try:
        at, count, told = value.split(b"|", 2)
        status, message, sender = orjson.loads(told)
        kind = Kind(*orjson.loads(field))
        return Refusal(kind, status, message, sender, time_of(int(at)), int(count))
    except (ValueError, TypeError) as error:  # of another version of this code
        _log.warning("refusal_unreadable", error=str(error))
        return None
