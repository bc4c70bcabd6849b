"""Which users belong to which projects, and their role there. Changes are audited."""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import NotFound, Rejected
from storage.rights import PROJECT_ROLES, Grant, Grants, ProjectRole
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.projects import Project


@dataclass(frozen=True, slots=True)
class Member:
    """A user's role in a project. ``active`` is false for one who cannot sign in: disabled, or
    invited and not there yet.
    """

    user_id: int
    email: str
    name: str
    role: ProjectRole
    active: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """A project that a user belongs to."""

    project_id: int
    project: str
    role: ProjectRole


class Memberships:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_project(self, project_id: int) -> list[Member]:
        """The members of a project, by e-mail address."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT user_id, email, name, memberships.role,"
                " disabled_at IS NULL AND password_hash IS NOT NULL"
                " FROM memberships JOIN users ON users.id = user_id"
                " WHERE project_id = %s ORDER BY email",
                (project_id,),
            )
            return [Member(*row) for row in cursor]

    def of_user(self, user_id: int) -> list[Membership]:
        """The projects of a user, by name."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT project_id, projects.name, memberships.role FROM memberships"
                " JOIN projects ON projects.id = project_id"
                " WHERE user_id = %s AND erased_at IS NULL ORDER BY projects.name",
                (user_id,),
            )
            return [Membership(*row) for row in cursor]

    def set(self, project: Project, user_id: int, role: ProjectRole, actor: str) -> None:
        """Give a user a role in a project; links of others for a password are good no more.

        Raises :class:`NotFound` for one who is not there.
        """
        with self._database.transaction() as cursor:
            set_role(cursor, project, user_id, role, actor)

    def remove(self, project: Project, user_id: int, actor: str) -> None:
        """Take a user out of a project. Raises :class:`NotFound` for one who is not in it."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM memberships USING users WHERE users.id = user_id"
                " AND project_id = %s AND user_id = %s RETURNING email",
                (project.id, user_id),
            )
            row = cursor.fetchone()
            if row is None:
                raise NotFound(STORE, "no such member")
            write_audit(cursor, actor, "remove_member", row[0], {"project": project.name})


def set_role(cursor: Cursor, project: Project, user_id: int, role: str, actor: str) -> None:
    """As :meth:`Memberships.set`, in a transaction of the caller's."""
    if role not in PROJECT_ROLES:
        raise Rejected(STORE, f"a role in a project is one of: {', '.join(PROJECT_ROLES)}")
    cursor.execute("SELECT email FROM users WHERE id = %s", (user_id,))
    row = cursor.fetchone()
    if row is None:
        raise NotFound(STORE, "no such user")
    cursor.execute(
        "INSERT INTO memberships (project_id, user_id, role) VALUES (%s, %s, %s)"
        " ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
        (project.id, user_id, role),
    )
    withdraw_link(cursor, user_id, actor)
    detail = {"project": project.name, "role": role}
    write_audit(cursor, actor, "set_member", row[0], detail)


def withdraw_link(cursor: Cursor, user_id: int, granter: str) -> None:
    """A user who is given more: a link that somebody else made would open that too, so it is good
    no more.
    """
    cursor.execute(
        "DELETE FROM password_links WHERE user_id = %s AND made_by <> %s", (user_id, granter)
    )


def grants_of(cursor: Cursor, user_id: int) -> Grants:
    """What a user's memberships allow."""
    cursor.execute(
        "SELECT project_id, projects.name, role FROM memberships"
        " JOIN projects ON projects.id = project_id WHERE user_id = %s AND erased_at IS NULL",
        (user_id,),
    )
    return {number: Grant(name, PROJECT_ROLES[role]) for number, name, role in cursor}
