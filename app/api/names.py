"""Projects by number and by name: callers say names, rows carry numbers."""

from __future__ import annotations

import threading
from typing import Any

from app.errors import ApiError, bad_argument
from storage.sql.projects import Projects
from storage.sql.tokens import Caller


def no_such_project(name: str) -> ApiError:
    """The 400 of a project's name that is nobody's, or not one that the caller may see."""
    return bad_argument("project", f"there is no project named {name[:100]!r}")


def narrowed(arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Arguments with ``project`` set to the caller's, if it has one.

    Raises ``ApiError`` 400 for another project, as for one that is not there.
    """
    if caller.project_id is None:
        return arguments
    if (asked := arguments["project"]) not in (None, caller.project):
        raise no_such_project(asked)
    return {**arguments, "project": caller.project}


class ProjectNames:
    """Both directions, read from PostgreSQL again when a number or name is not known yet."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._lock = threading.Lock()
        self._names: dict[int, str] = {}

    def name(self, project_id: int) -> str | None:
        """The name of a project's number, null for one that is gone; raises ``StoreDown``."""
        if project_id not in self._names:
            self._refresh()
        return self._names.get(project_id)

    def number(self, name: str | None) -> int | None:
        """The number of a project that a caller names; null means all projects.

        Raises ``ApiError`` 400 when there is no such project, and ``StoreDown``.
        """
        if name is None:
            return None
        project = self._projects.by_name(name)
        if project is None:
            raise no_such_project(name)
        return project.id

    def _refresh(self) -> None:
        names = {project.id: project.name for project in self._projects.list()}
        with self._lock:
            self._names = names
