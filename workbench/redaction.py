"""Redaction rules: PostgreSQL has them, the broker a copy for who must know them at once."""

from __future__ import annotations

import structlog

from broker.redaction import RedactionCopies
from config.settings import Settings
from events.redact.rules import Rules
from storage.errors import StoreDown
from storage.redaction import ProjectRules
from storage.sql.database import Database
from storage.sql.redaction import RedactionRules, StoredRules

_log = structlog.get_logger(__name__)


class RedactionBook:
    """Reads and changes rules. Safe to share between threads."""

    def __init__(self, rules: RedactionRules, copies: RedactionCopies) -> None:
        self._rules = rules
        self._copies = copies

    def read(self, project_id: int) -> StoredRules:
        """The rules of a project, from PostgreSQL; raises :class:`StoreDown`."""
        return self._rules.read(project_id)

    def change(
        self, project_id: int, project: str, rules: Rules, actor: str, expected: int | None = None
    ) -> StoredRules:
        """Set rules and tell the broker. Where it is away, :meth:`share_all` tells it later: until
        then the rules before are applied.

        Raises :class:`StoreDown` while PostgreSQL is away, ``RulesChanged``, ``Rejected``.
        """
        stored = self._rules.change(project_id, project, rules, actor, expected)
        self._share({project_id: stored.project})
        return stored

    def known(self, project_id: int) -> ProjectRules:
        """The rules of a project, from the broker or else from PostgreSQL.

        Raises :class:`StoreDown` when neither can tell.
        """
        try:
            copy = self._copies.find(project_id)
        except StoreDown as exc:
            _log.warning("redaction_copy_unread", reason=exc.detail)
            copy = None
        if copy is not None:
            return copy
        found = self._rules.read(project_id).project
        self._share({project_id: found})
        return found

    def share_all(self) -> int:
        """Tell the broker the rules and keys of every project; how many. Raises
        :class:`StoreDown`.
        """
        found = self._rules.read_all()
        self._copies.keep(found)
        return len(found)

    def _share(self, found: dict[int, ProjectRules]) -> None:
        try:
            self._copies.keep(found)
        except StoreDown as exc:
            _log.warning("redaction_not_shared", projects=list(found), reason=exc.detail)


def open_redaction(settings: Settings, database: Database) -> RedactionBook:
    """The book over a database that is open already; connects when used."""
    copies = RedactionCopies(settings.redis_url, timeout=settings.broker_timeout_seconds)
    return RedactionBook(RedactionRules(database), copies)
