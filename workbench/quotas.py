"""Quotas of projects: PostgreSQL has them, the broker a copy for all web processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from broker.quotas import QuotaCopies
from config.settings import Settings
from events.ids import Clock, now_ms
from storage.errors import StoreDown
from storage.quotas import ProjectType, Quota, Used
from storage.sql.database import Database
from storage.sql.projects import Project
from storage.sql.quotas import Quotas

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A quota with what was used of it in the present day, month and minute; null while the broker
    cannot tell.
    """

    quota: Quota
    used: Used | None


class QuotaBook:
    """Reads and changes quotas. Safe to share between threads."""

    def __init__(self, quotas: Quotas, copies: QuotaCopies, clock: Clock = now_ms) -> None:
        self._quotas = quotas
        self._copies = copies
        self._clock = clock

    def change(self, project: Project, type_name: str, quota: Quota, actor: str) -> None:
        """Set a quota and tell the broker, which web processes ask once a second. Where it is away,
        :meth:`share_all` tells it later: until then the quotas before stand.

        Raises :class:`StoreDown` while PostgreSQL is away, ``Rejected`` for a bound that is none.
        """
        self._quotas.set(project, type_name, quota, actor)
        try:
            self.share_all()
        except StoreDown as exc:
            _log.warning("quotas_not_shared", reason=exc.detail)

    def share_all(self) -> int:
        """Tell the broker every quota; how many. Raises :class:`StoreDown`."""
        found = self._quotas.read()
        self._copies.keep(found, self._clock())
        return len(found)

    def listed(self) -> Mapping[ProjectType, QuotaState]:
        """Every quota, by project and type; raises :class:`StoreDown` while PostgreSQL is away."""
        quotas = self._quotas.read()
        try:
            used = self._copies.used(list(quotas), self._clock())
        except StoreDown as exc:
            _log.warning("quota_use_unknown", reason=exc.detail)
            used = {}
        return {key: QuotaState(quota, used.get(key)) for key, quota in sorted(quotas.items())}


def open_quotas(settings: Settings, database: Database) -> QuotaBook:
    """The book over a database that is open already; connects when used."""
    copies = QuotaCopies(settings.redis_url, timeout=settings.broker_timeout_seconds)
    return QuotaBook(Quotas(database), copies)
