"""Links by which people set a password, as commands print them."""

from __future__ import annotations

from config.settings import Settings
from ops.stack.plan import public_web_address
from storage.sql.database import Database
from storage.sql.password_links import PasswordLinks


def join_link(settings: Settings, secret: str) -> str:
    """The whole address of a link, as far as the settings tell where the web tier is."""
    return f"{public_web_address(settings).rstrip('/')}/join/{secret}"


def first_link(settings: Settings, database: Database, actor: str) -> str | None:
    """A link that makes the first administrator; null when there is one."""
    secret = PasswordLinks(database).for_first_administrator(actor)
    return None if secret is None else join_link(settings, secret)
