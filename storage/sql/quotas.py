"""Quotas of projects in SQL. Each change is audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from storage.errors import Rejected
from storage.quotas import MOST, ProjectType, Quota
from storage.sql.audit import write_audit
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.projects import Project


class Quotas:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, project: Project, type_name: str, quota: Quota, actor: str) -> None:
        """Give a project a quota for a type; one without any bound takes it away.

        Raises :class:`Rejected` for a bound that is none.
        """
        bounds = asdict(quota)
        if any(bound is not None and not 0 <= bound <= MOST for bound in bounds.values()):
            raise Rejected(STORE, f"a bound is 0 to {MOST} events")
        if quota.minute == 0:
            raise Rejected(STORE, "the bound of a minute is 1 event or more")
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM quotas WHERE project_id = %s AND type = %s", (project.id, type_name)
            )
            if not quota.bounds_nothing:
                cursor.execute(
                    "INSERT INTO quotas (project_id, type, day, month, minute, changed_by)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    (project.id, type_name, quota.day, quota.month, quota.minute, actor),
                )
            detail = {"type": type_name, **bounds}
            write_audit(cursor, actor, "set_quota", project.name, detail)

    def read(self) -> Mapping[ProjectType, Quota]:
        """Every quota of projects that are not erased."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT project_id, type, day, month, minute FROM quotas"
                " JOIN projects ON projects.id = project_id WHERE erased_at IS NULL"
            )
            return {(row[0], row[1]): Quota(*row[2:]) for row in cursor}
