"""Asking for an erasure: what is asked is checked, hashed and on record before anything goes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from config.settings import Settings
from events.ids import is_event_id
from storage.erasure import masked
from storage.sql.erasures import Erasures
from storage.sql.projects import Project, Projects
from workbench.erasure.subjects import hasher

MAX_USER_CHARS = 500


class Unaskable(ValueError):
    """What is asked for cannot be; ``argument`` is what is wrong, the message says why."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument


@dataclass(frozen=True, slots=True)
class Asking:
    """Each gives the id of the erasure, which goes on by itself. Methods raise ``StoreDown``."""

    settings: Settings
    projects: Projects
    erasures: Erasures

    def event(self, event_id: UUID, project_id: int | None, actor: str) -> UUID:
        """One event, of that project if given. Raises :class:`Unaskable` for what is no event."""
        if not is_event_id(event_id):
            raise Unaskable("event", f"{event_id} is not an event's id")
        return self.erasures.of_event(event_id, project_id, actor)

    def user(self, project: str, name: str, actor: str) -> UUID:
        """A user's events of a project, by identifier or e-mail.

        Raises :class:`Unaskable`, and :class:`NoKey`.
        """
        found = self._project(project)
        if not 1 <= len(name.strip()) <= MAX_USER_CHARS or "\0" in name:
            raise Unaskable("user", f"a user's name has 1 to {MAX_USER_CHARS} characters")
        by = hasher(self.settings)
        subject = by.user(found.id, name)
        return self.erasures.of_user(found.id, subject, by.mark, masked(name), actor)

    def project(self, name: str, actor: str) -> UUID:
        """A whole project: from now on its keys are refused and its name is free.

        Raises :class:`Unaskable`.
        """
        found = self._project(name)
        return self.erasures.of_project(found.id, found.name, actor)

    def _project(self, name: str) -> Project:
        found = self.projects.by_name(name)
        if found is None:
            raise Unaskable("project", f"there is no project named {name[:100]!r}")
        return found
