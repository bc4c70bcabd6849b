"""Path rules of projects: every version is kept, the highest counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from events.path_rules import PathRules, path_rules_of
from events.text import storable
from storage.errors import RulesChanged
from storage.sql.audit import MAX_ACTOR_CHARS, write_audit
from storage.sql.connection import Cursor
from storage.sql.database import Database

_LATEST = """
SELECT version, rules, changed_by, changed_at FROM path_rules WHERE project_id = %s
ORDER BY version DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class StoredPathRules:
    """The rules of a project; ``version`` is 0, and the others null, where nobody set any."""

    rules: PathRules
    version: int = 0
    changed_by: str | None = None
    changed_at: datetime | None = None


class ProjectPathRules:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, project_id: int) -> StoredPathRules:
        """The rules of a project; none of one that is not there."""
        with self._database.transaction() as cursor:
            return _latest(cursor, project_id)

    def change(
        self, project_id: int, project: str, rules: PathRules, actor: str, expected: int | None
    ) -> StoredPathRules:
        """Set the rules of a project, noted in the audit with those before; the rules afterwards.

        ``expected`` is the version they must have before, null for any. Raises
        :class:`RulesChanged`, and ``Rejected`` when the project is gone.
        """
        with self._database.transaction() as cursor:
            # Changes of one project take turns; its row is what they have in common.
            cursor.execute("SELECT FROM projects WHERE id = %s FOR UPDATE", (project_id,))
            before = _latest(cursor, project_id)
            if expected not in (None, before.version):
                raise RulesChanged(before.version)
            cursor.execute(
                "INSERT INTO path_rules (project_id, version, rules, changed_by)"
                " VALUES (%s, %s, %s::jsonb, %s)",
                (
                    *(project_id, before.version + 1, orjson.dumps(rules.told()).decode()),
                    storable(actor[:MAX_ACTOR_CHARS]),
                ),
            )
            detail = {
                "version": before.version + 1,
                "before": before.rules.told(),
                "rules": rules.told(),
            }
            write_audit(cursor, actor, "path_rules", project, detail)
            return _latest(cursor, project_id)


def _latest(cursor: Cursor, project_id: int) -> StoredPathRules:
    cursor.execute(_LATEST, (project_id,))
    row = cursor.fetchone()
    if row is None:
        return StoredPathRules(PathRules())
    version, rules, changed_by, changed_at = row
    return StoredPathRules(path_rules_of(rules), version, changed_by, changed_at)
