"""Projects by number and by name: callers say names, rows carry numbers."""

from __future__ import annotations

import threading

from app.api.arguments import bad_argument
from storage.sql.projects import Projects


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
            raise bad_argument("project", f"there is no project named {name[:100]!r}")
        return project.id

    def _refresh(self) -> None:
        names = {project.id: project.name for project in self._projects.list()}
        with self._lock:
            self._names = names
