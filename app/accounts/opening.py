"""All that knows people: users, their projects, sessions and links, and how they sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.accounts.passwords import Passwords
from app.accounts.signing_in import SigningIn, tries_key
from config.settings import Settings
from storage.sql.database import Database
from storage.sql.memberships import Memberships
from storage.sql.page_sessions import PageSessions
from storage.sql.password_links import PasswordLinks
from storage.sql.sign_in_tries import SignInTries
from storage.sql.users import Users


@dataclass(frozen=True, slots=True)
class Accounts:
    """Built once; every member is safe to share between threads."""

    users: Users
    memberships: Memberships
    sessions: PageSessions
    links: PasswordLinks
    signing_in: SigningIn


def open_accounts(settings: Settings, database: Database) -> Accounts:
    """The accounts in a database that is open already; connects when used."""
    users, links = Users(database), PasswordLinks(database)
    sessions = PageSessions(
        database,
        timedelta(hours=settings.session_idle_hours),
        timedelta(hours=settings.session_hours),
    )
    key = tries_key(settings.session_key)
    tries = SignInTries(database)
    signing_in = SigningIn(users, sessions, links, tries, Passwords(), key)
    return Accounts(users, Memberships(database), sessions, links, signing_in)
