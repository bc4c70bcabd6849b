"""Which dead letters are meant: the filters that lists, clusters, replays and discards share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2 import sql

from events.text import storable
from storage.sql.arrays import array_literal

STATUSES = ("open", "replaying", "replayed", "discarded")

_CONDITIONS = {
    "project": "letters.project_id = (SELECT id FROM projects WHERE name = %s)",
    "type": "letters.type = %s",
    "stage": "letters.stage = %s",
    "code": "letters.code = %s",
    "cluster": "letters.cluster = %s",
    "start": "letters.at >= %s",
    "end": "letters.at < %s",
    "status": "letters.status = %s",
    "ids": "letters.id = ANY(%s::uuid[])",
}


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Null means any. ``start`` and ``end`` bound when the event died; ``code`` is the error's
    class; ``cluster`` a key that clusters were listed with; ``ids`` are of letters.
    """

    project: str | None = None
    type: str | None = None
    stage: str | None = None
    code: str | None = None
    cluster: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    status: str | None = "open"
    ids: tuple[UUID, ...] | None = None

    def conditions(self) -> tuple[sql.Composable, list[Any]]:
        """The condition on ``dead_letters AS letters``, and the values of its parameters."""
        given = {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) is not None
        }
        used = [sql.SQL("true"), *(sql.SQL(_CONDITIONS[name]) for name in given)]
        return sql.SQL(" AND ").join(used), [_parameter(value) for value in given.values()]

    def told(self) -> dict[str, Any]:
        """The filter as JSON, for the audit; of many ids the first hundred."""
        told = {item.name: getattr(self, item.name) for item in fields(self)}
        told["ids"] = None if self.ids is None else [str(one) for one in self.ids[:100]]
        for name in ("start", "end"):
            told[name] = told[name] and told[name].isoformat()
        return {name: value for name, value in told.items() if value is not None}


OPEN = LetterFilter()


def _parameter(value: Any) -> Any:
    if isinstance(value, tuple):
        return array_literal(value)
    return storable(value) if isinstance(value, str) else value
