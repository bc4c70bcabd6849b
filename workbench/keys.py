"""Projects and their API keys: PostgreSQL has them, the broker a copy for when it is away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from broker.known_keys import KnownKeys, key_digest
from config.settings import Settings
from storage.errors import StoreDown
from storage.sql.api_keys import ApiKey, ApiKeys
from storage.sql.database import Database
from storage.sql.projects import KeyOwner, Project, Projects
from workbench.redaction import RedactionBook, open_redaction

_TIMEOUT_SECONDS = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made, to be shown once. ``shared`` is false when the broker does not know of
    it yet: it learns of it when the key is first used.
    """

    key: str
    shared: bool


class KeyBook:
    """Makes projects and keys, and revokes keys. Safe to share between threads.

    Methods raise :class:`StoreDown` while PostgreSQL is away, and ``Rejected``. Where the broker is
    away they say so: PostgreSQL decides while it answers, so a copy that is behind matters only
    while it does not.
    """

    def __init__(
        self, projects: Projects, keys: ApiKeys, copies: KnownKeys, redaction: RedactionBook
    ) -> None:
        self._projects = projects
        self._keys = keys
        self._copies = copies
        self._redaction = redaction

    def create_project(self, name: str, actor: str, key: str | None = None) -> tuple[Project, str]:
        """Make a project with a key, ``key`` if given; see :meth:`Projects.create`."""
        project, made = self._projects.create(name, key, actor)
        self.share({made, project.public_key or made})
        # So that its first events can be stored even if PostgreSQL is away by then.
        self._redaction.known(project.id)
        return project, made

    def of_project(self, project: Project) -> list[ApiKey]:
        """A project's keys, newest first."""
        return self._keys.list(project)

    def add(
        self,
        project: Project,
        actor: str,
        *,
        key: str | None = None,
        public: bool = False,
        name: str = "",
    ) -> NewKey:
        """Give a project one more key; see :meth:`ApiKeys.add`."""
        made = self._keys.add(project, actor, key, public=public, name=name)
        return NewKey(made, self.share([made]))

    def rename(self, project: Project, key_id: int, name: str, actor: str) -> ApiKey:
        """Call a key something else."""
        return self._keys.rename(project, key_id, name, actor)

    def revoke(self, project: Project, key: str | int, actor: str) -> tuple[ApiKey, bool]:
        """Revoke a project's key by itself, its prefix or its number; whether the broker knows."""
        revoked = self._keys.revoke(project, key, actor)
        owner = KeyOwner(project.id, project.name, revoked=True)
        return revoked, self._keep({revoked.digest: owner})

    def revoke_anywhere(self, key: str, actor: str) -> tuple[bool, bool]:
        """Revoke a whole key of whatever project: whether it was good, and the broker knows.

        Raises ``LookupError`` when it is nobody's.
        """
        changed = self._projects.revoke_key(key, actor)
        if not changed and self._projects.find_key(key) is None:
            raise LookupError("no such key")
        return changed, self.share([key])

    def share(self, keys: Iterable[str]) -> bool:
        """Copy what PostgreSQL says of keys to the broker; false when that is away."""
        return self._keep({key_digest(key): self._projects.find_key(key) for key in keys})

    def _keep(self, owners: dict[str, KeyOwner | None]) -> bool:
        try:
            self._copies.keep(owners)
        except StoreDown as error:
            _log.warning("key_not_shared", reason=error.detail)
            return False
        return True


def open_keys(settings: Settings, database: Database) -> KeyBook:
    """The book over a database that is open already; connects when used."""
    return KeyBook(
        Projects(database),
        ApiKeys(database),
        KnownKeys(settings.redis_url, timeout=_TIMEOUT_SECONDS),
        open_redaction(settings, database),
    )
