"""People who use the pages, and their role in the installation. Each change is audited."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2 import sql

from events.text import storable
from storage.errors import NotFound, Rejected
from storage.model import Page
from storage.rights import INSTALLATION_ROLES, Caller, InstallationRole
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.cursors import bad_cursor, decode_cursor, encode_cursor
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.locks import ACCOUNTS, hold_alone
from storage.sql.memberships import grants_of, withdraw_link

MAX_EMAIL_CHARS = 200
MAX_NAME_CHARS = 200

_SELECT = """
SELECT id, email, name, role, password_hash IS NOT NULL, created_at, disabled_at FROM users
"""


@dataclass(frozen=True, slots=True)
class User:
    """A person. ``has_password`` is false until the link of an invitation was used."""

    id: int
    email: str
    name: str
    role: InstallationRole | None
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None


class Users:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, user_id: int) -> User | None:
        """The user of a number."""
        return self._find("id", user_id)

    def by_email(self, email: str) -> User | None:
        """The user of an e-mail address, in any letter case."""
        return self._find("email", folded(email))

    def password_hash(self, email: str) -> tuple[int, str] | None:
        """Number and password hash of a user who may sign in; null for nobody."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, password_hash FROM users"
                " WHERE email = %s AND disabled_at IS NULL AND password_hash IS NOT NULL",
                (folded(email),),
            )
            return cursor.fetchone()

    def list(self, cursor: str | None = None, limit: int = 50) -> Page[User]:
        """Users by e-mail address; ``ValueError`` for a bad cursor."""
        after = _decode(cursor)
        with self._database.transaction() as execute:
            execute.execute(
                f"{_SELECT} WHERE %s::text IS NULL OR email > %s ORDER BY email LIMIT %s",
                (after, after, limit + 1),
            )
            items = [User(*row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], encode_cursor(items[limit - 1].email) if more else None)

    def has_administrator(self) -> bool:
        """Whether anybody can sign in who administers the installation."""
        with self._database.transaction() as cursor:
            return has_administrator(cursor)

    def rename(self, user_id: int, name: str, actor: str) -> User:
        """Give a user another name. Raises :class:`Rejected`, and :class:`NotFound`."""
        with self._database.transaction() as cursor:
            return _change(cursor, user_id, "name", checked_name(name), "rename_user", actor)

    def set_role(self, user_id: int, role: InstallationRole | None, actor: str) -> User:
        """Give a user a role in the installation, or none; links of others are good no more.

        Raises :class:`Rejected` for the last administrator, and :class:`NotFound`.
        """
        if role is not None and role not in INSTALLATION_ROLES:
            raise Rejected(STORE, "a role in the installation is operator, admin or none")
        with self._database.transaction() as cursor, _keeping_an_administrator(cursor):
            withdraw_link(cursor, user_id, actor)
            return _change(cursor, user_id, "role", role, "set_user_role", actor)

    def set_disabled(self, user_id: int, *, disabled: bool, actor: str) -> User:
        """Let a user in no more, also by tokens, or again; sessions end.

        Raises :class:`Rejected` for the last administrator, and :class:`NotFound`.
        """
        action = "disable_user" if disabled else "enable_user"
        with self._database.transaction() as cursor, _keeping_an_administrator(cursor):
            cursor.execute(
                "UPDATE users SET disabled_at = CASE WHEN %s THEN coalesce(disabled_at, now()) END"
                " WHERE id = %s RETURNING id",
                (disabled, user_id),
            )
            user = _changed(cursor, actor, action, {})
            cursor.execute("DELETE FROM page_sessions WHERE user_id = %s", (user_id,))
            return user

    def set_password_hash(self, user_id: int, password_hash: str, actor: str) -> None:
        """Change a user's password; all sessions end, and links for another are good no more.

        Raises :class:`NotFound` for a user who may not sign in.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE users SET password_hash = %s WHERE id = %s AND disabled_at IS NULL"
                " RETURNING id",
                (password_hash, user_id),
            )
            _changed(cursor, actor, "change_password", {})
            cursor.execute("DELETE FROM page_sessions WHERE user_id = %s", (user_id,))
            cursor.execute("DELETE FROM password_links WHERE user_id = %s", (user_id,))

    def renew_password_hash(self, user_id: int, old: str, new: str) -> None:
        """Keep the same password in a better hash, unless somebody changed it meanwhile."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s",
                (new, user_id, old),
            )

    def _find(self, column: str, value: str | int) -> User | None:
        statement = sql.SQL(_SELECT + "WHERE {} = %s").format(sql.Identifier(column))
        with self._database.transaction() as cursor:
            cursor.execute(statement, (value,))
            row = cursor.fetchone()
        return User(*row) if row else None


def folded(email: str) -> str:
    """An address as typed, in the one form that users are known by."""
    return storable(email.strip().lower())


def checked_email(text: str) -> str:
    """An e-mail address to know a user by; raises :class:`Rejected`.

    Whether mail reaches it is not asked: none is sent.
    """
    email = folded(text)
    name, _, host = email.rpartition("@")
    fits = len(email) <= MAX_EMAIL_CHARS and text.strip().isprintable() and " " not in email
    if not (name and host and fits):
        raise Rejected(STORE, "an e-mail address looks like ann@example.com")
    return email


def checked_name(text: str) -> str:
    """A person's name; raises :class:`Rejected`."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise Rejected(STORE, f"a name has 1 to {MAX_NAME_CHARS} printable characters")
    return name


def insert_user(
    cursor: Cursor, email: str, name: str, role: InstallationRole | None, actor: str
) -> User:
    """Make a user without a password, in a transaction of the caller's.

    Raises :class:`Rejected` for an address that has a user.
    """
    email = checked_email(email)
    cursor.execute(
        "INSERT INTO users (email, name, role) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
        " RETURNING id",
        (email, checked_name(name), role),
    )
    if cursor.rowcount == 0:
        raise Rejected(STORE, f"{email} is a user already")
    return _changed(cursor, actor, "create_user", {"role": role})


def read_user(cursor: Cursor, user_id: int) -> User | None:
    """The user of a number, in a transaction of the caller's."""
    cursor.execute(f"{_SELECT} WHERE id = %s", (user_id,))
    row = cursor.fetchone()
    return User(*row) if row else None


def caller_of(cursor: Cursor, user_id: int) -> Caller | None:
    """What a user is to every check; null for one who is disabled."""
    user = read_user(cursor, user_id)
    if user is None or user.disabled_at is not None:
        return None
    everywhere = INSTALLATION_ROLES[user.role] if user.role else None
    return Caller(user.email, everywhere, grants_of(cursor, user_id), user_id)


def has_administrator(cursor: Cursor) -> bool:
    """Whether anybody can sign in who administers the installation."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM users WHERE role = 'admin' AND disabled_at IS NULL"
        " AND password_hash IS NOT NULL)"
    )
    ((found,),) = cursor.fetchall()
    return bool(found)


@contextmanager
def _keeping_an_administrator(cursor: Cursor) -> Iterator[None]:
    """Raise :class:`Rejected` when what is done within takes the last who can sign in."""
    hold_alone(cursor, ACCOUNTS)
    had = has_administrator(cursor)
    yield
    if had and not has_administrator(cursor):
        raise Rejected(STORE, "this is the last administrator who can sign in")


def _change(cursor: Cursor, user_id: int, column: str, value: Any, action: str, actor: str) -> User:
    statement = sql.SQL("UPDATE users SET {} = %s WHERE id = %s RETURNING id").format(
        sql.Identifier(column)
    )
    cursor.execute(statement, (value, user_id))
    return _changed(cursor, actor, action, {column: value})


def _changed(cursor: Cursor, actor: str, action: str, detail: dict[str, Any]) -> User:
    """The user that the statement before returned, its change noted."""
    row = cursor.fetchone()
    user = read_user(cursor, row[0]) if row else None
    if user is None:
        raise NotFound(STORE, "no such user")
    write_audit(cursor, actor, action, user.email, detail)
    return user


def _decode(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    (last,) = decode_cursor(cursor, 1)
    if not isinstance(last, str):
        raise bad_cursor()
    return storable(last)
