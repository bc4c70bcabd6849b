"""The broker's copy of projects' redaction rules: stage ``files`` needs no PostgreSQL to know them.

A field of the hash ``redaction`` is a project's number, its value ``<version>|<JSON>`` of
:class:`storage.redaction.ProjectRules`. Of keys it has what PostgreSQL has: beginning and SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret
from storage.redaction import ProjectRules, decode_rules

_log = structlog.get_logger(__name__)


class RedactionCopies:
    """Thread-safe; connects when used. Methods raise :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def keep(self, rules: Mapping[int, ProjectRules]) -> None:
        """Remember rules as PostgreSQL told them, unless the copy is of a later version."""
        if rules:
            parts = [part for number, one in rules.items() for part in (number, *_fields(one))]
            with broker_errors():
                scripts.run(self._client, "keep_redaction", *parts)

    def find(self, project_id: int) -> ProjectRules | None:
        """The rules of a project as last kept; null when the broker has none, or has them in a
        form of another version of this code.
        """
        with broker_errors():
            value = self._client.hget(keys.REDACTION, str(project_id))
        try:
            return None if value is None else decode_rules(value.partition(b"|")[2])
        except ValueError as error:
            _log.warning("redaction_copy_unreadable", project=project_id, error=str(error))
            return None


def _fields(one: ProjectRules) -> tuple[int, bytes]:
    return one.version, b"%d|%b" % (one.version, one.encode())
