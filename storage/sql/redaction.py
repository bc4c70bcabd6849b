"""Redaction rules of projects: every version is kept, the highest counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from events.redact.patterns import KnownKey
from events.redact.rules import Rules, rules_of
from events.text import storable
from storage.errors import RulesChanged
from storage.redaction import NEVER_CHANGED, ProjectRules
from storage.sql.audit import MAX_ACTOR_CHARS, write_audit
from storage.sql.connection import Cursor
from storage.sql.database import Database

_LATEST = """
SELECT DISTINCT ON (projects.id) projects.id, version, rules, changed_by, changed_at
FROM projects LEFT JOIN redaction_rules ON project_id = projects.id
WHERE %(project)s::int4 IS NULL AND projects.id > 0 OR projects.id = %(project)s
ORDER BY projects.id, version DESC NULLS LAST
"""
# A revoked key is looked for too: a wrong hand may still hold it.
_KEYS = """
SELECT project_id, prefix, hash FROM api_keys
WHERE %(project)s::int4 IS NULL OR project_id = %(project)s
ORDER BY project_id, hash
"""


@dataclass(frozen=True, slots=True)
class StoredRules:
    """The rules of a project, and who made them so; null when they are the defaults."""

    project: ProjectRules
    changed_by: str | None
    changed_at: datetime | None


class RedactionRules:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, project_id: int) -> StoredRules:
        """The rules of a project; of one that is not there, the defaults."""
        return self._read(project_id).get(
            project_id, StoredRules(ProjectRules(NEVER_CHANGED, Rules()), None, None)
        )

    def read_all(self) -> dict[int, ProjectRules]:
        """The rules of every project, but for the system's own."""
        return {number: stored.project for number, stored in self._read(None).items()}

    def change(
        self, project_id: int, project: str, rules: Rules, actor: str, expected: int | None
    ) -> StoredRules:
        """Set the rules of a project, noted in the audit with those before; the rules afterwards.

        ``expected`` is the version they must have before, null for any. Raises
        :class:`RulesChanged`, and ``Rejected`` when the project is gone.
        """
        with self._database.transaction() as cursor:
            # Changes of one project take turns; its row is what they have in common.
            cursor.execute("SELECT FROM projects WHERE id = %s FOR UPDATE", (project_id,))
            before = _latest(cursor, project_id).get(project_id)
            version = before.project.version if before else NEVER_CHANGED
            if expected not in (None, version):
                raise RulesChanged(version)
            cursor.execute(
                "INSERT INTO redaction_rules (project_id, version, rules, changed_by)"
                " VALUES (%s, %s, %s::jsonb, %s)",
                (
                    *(project_id, version + 1, orjson.dumps(rules.told()).decode()),
                    storable(actor[:MAX_ACTOR_CHARS]),
                ),
            )
            detail = {
                "version": version + 1,
                "before": before.project.rules.told() if before else None,
                "rules": rules.told(),
            }
            write_audit(cursor, actor, "redaction", project, detail)
            return _latest(cursor, project_id)[project_id]

    def _read(self, project_id: int | None) -> dict[int, StoredRules]:
        with self._database.transaction() as cursor:
            return _latest(cursor, project_id)


def _latest(cursor: Cursor, project_id: int | None) -> dict[int, StoredRules]:
    asked = {"project": project_id}
    cursor.execute(_KEYS, asked)
    keys: dict[int, list[KnownKey]] = {}
    for owner, prefix, digest in cursor:
        keys.setdefault(owner, []).append(KnownKey(prefix, bytes(digest)))
    cursor.execute(_LATEST, asked)
    return {row[0]: _stored(row, keys.get(row[0], ())) for row in cursor}


def _stored(row: tuple[Any, ...], keys: Iterable[KnownKey]) -> StoredRules:
    _, version, rules, changed_by, changed_at = row
    project = ProjectRules(
        NEVER_CHANGED if version is None else version,
        Rules() if rules is None else rules_of(rules),
        tuple(keys),
    )
    return StoredRules(project, changed_by, changed_at)
