"""Links by which a person sets a password, once: invitations, resets, and the first administrator.

Only the hash of a link's secret is kept; whoever has the link can use it, until it expires.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.ids import Clock, now_ms, time_of
from storage.errors import NotFound, Rejected
from storage.rights import InstallationRole, ProjectRole
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.credentials import hash_credential, new_credential
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.locks import ACCOUNTS, hold_alone
from storage.sql.memberships import set_role
from storage.sql.projects import Project
from storage.sql.users import User, checked_name, has_administrator, insert_user, read_user

GOOD_FOR = timedelta(days=3)
FIRST_GOOD_FOR = timedelta(days=1)
MOST_FIRST = 20
"""Links for the first administrator that are kept: each start of an installation makes one."""


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """What a link is for. ``email`` is null for the first administrator, who says it then."""

    email: str | None
    name: str
    expires_at: datetime


class PasswordLinks:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def invite(
        self,
        email: str,
        name: str,
        actor: str,
        role: InstallationRole | None = None,
        membership: tuple[Project, ProjectRole] | None = None,
    ) -> tuple[User, str]:
        """Make a user, a member of a project if so, and the secret of a link for the password.

        Raises :class:`Rejected` for an address that has a user, and leaves nothing then.
        """
        with self._database.transaction() as cursor:
            user = insert_user(cursor, email, name, role, actor)
            if membership is not None:
                project, project_role = membership
                set_role(cursor, project, user.id, project_role, actor)
            return user, self._insert(cursor, user.id, actor, GOOD_FOR)

    def for_user(self, user_id: int, actor: str) -> tuple[User, str]:
        """A user, and the secret of a link for a new password; the one before is good no more.

        Raises :class:`NotFound` for a user who is not there, and :class:`Rejected` for one who is
        disabled.
        """
        with self._database.transaction() as cursor:
            user = read_user(cursor, user_id)
            if user is None:
                raise NotFound(STORE, "no such user")
            if user.disabled_at is not None:
                raise Rejected(STORE, f"{user.email} is disabled")
            write_audit(cursor, actor, "make_password_link", user.email, {})
            return user, self._insert(cursor, user_id, actor, GOOD_FOR)

    def for_first_administrator(self, actor: str) -> str | None:
        """The secret of a link that makes the first administrator; null when there is one."""
        with self._database.transaction() as cursor:
            if has_administrator(cursor):
                return None
            cursor.execute(
                "DELETE FROM password_links WHERE user_id IS NULL AND hash NOT IN (SELECT hash FROM"
                " password_links WHERE user_id IS NULL ORDER BY made_at DESC LIMIT %s)",
                (MOST_FIRST - 1,),
            )
            return self._insert(cursor, None, actor, FIRST_GOOD_FOR)

    def find(self, secret: str) -> PasswordLink | None:
        """What a link is for; null for one that is used, expired or none. Takes any string."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT email, coalesce(name, ''), expires_at FROM password_links"
                " LEFT JOIN users ON users.id = user_id"
                " WHERE hash = %s AND expires_at > %s AND disabled_at IS NULL",
                (hash_credential(secret), time_of(self._clock())),
            )
            row = cursor.fetchone()
            if row is None or (row[0] is None and has_administrator(cursor)):
                return None
        return PasswordLink(*row)

    def use(self, secret: str, password_hash: str, name: str, email: str | None = None) -> int:
        """Set the password of a link's user, whose number is returned; all sessions end.

        ``email`` is that of the first administrator. Raises :class:`NotFound` for a link that is
        good no more: of two at once, one wins.
        """
        with self._database.transaction() as cursor:
            hold_alone(cursor, ACCOUNTS)
            cursor.execute(
                "DELETE FROM password_links WHERE hash = %s AND expires_at > %s RETURNING user_id",
                (hash_credential(secret), time_of(self._clock())),
            )
            row = cursor.fetchone()
            if row is None:
                raise NotFound(STORE, "no such link any more")
            user_id = row[0] or _first_administrator(cursor, email or "", name)
            return _set_password(cursor, user_id, password_hash, name)

    def _insert(self, cursor: Cursor, user_id: int | None, actor: str, good_for: timedelta) -> str:
        secret, now = new_credential(), time_of(self._clock())
        cursor.execute("DELETE FROM password_links WHERE expires_at <= %s", (now,))
        cursor.execute(
            "INSERT INTO password_links (hash, user_id, made_by, made_at, expires_at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_id) DO UPDATE SET"
            " hash = excluded.hash, made_by = excluded.made_by, made_at = excluded.made_at,"
            " expires_at = excluded.expires_at",
            (hash_credential(secret), user_id, actor, now, now + good_for),
        )
        return secret


def _first_administrator(cursor: Cursor, email: str, name: str) -> int:
    if has_administrator(cursor):
        raise Rejected(STORE, "the first administrator is there by now: ask for an invitation")
    cursor.execute("DELETE FROM password_links WHERE user_id IS NULL")
    return insert_user(cursor, email, name, "admin", email).id


def _set_password(cursor: Cursor, user_id: int, password_hash: str, name: str) -> int:
    cursor.execute(
        "UPDATE users SET password_hash = %s, name = %s WHERE id = %s AND disabled_at IS NULL"
        " RETURNING email",
        (password_hash, checked_name(name), user_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise NotFound(STORE, "no such user any more")
    cursor.execute("DELETE FROM page_sessions WHERE user_id = %s", (user_id,))
    write_audit(cursor, row[0], "set_password", row[0], {})
    return user_id
