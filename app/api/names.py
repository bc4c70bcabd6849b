"""Projects by number and by name: callers say names, rows carry numbers."""

from __future__ import annotations

import threading
from typing import Any

from app.api.access import Need, right_missing, right_of
from app.errors import ApiError, bad_argument
from storage.rights import Caller
from storage.sql.projects import Projects


def no_such_project(name: str) -> ApiError:
    """The 400 of a project's name that is nobody's, or not one that the caller may see."""
    return bad_argument("project", f"there is no project named {name[:100]!r}")


def narrowed(arguments: dict[str, Any], caller: Caller, need: Need) -> dict[str, Any]:
    """Arguments whose ``project`` is one where the caller has the right that is needed: the one
    that they name, or else the only one. A right in the installation is one in all projects, which
    null names.

    Raises ``ApiError``: 400 for a project that the caller does not see, as for one that is not
    there, and for none of several; 403 ``right_missing``.
    """
    right = right_of(need)
    allowed = caller.projects(right)
    if allowed is None:
        return arguments
    names = [caller.grants[number].project for number in allowed]
    asked = arguments["project"]
    if asked in names:
        return arguments
    if asked is not None and asked not in {grant.project for grant in caller.grants.values()}:
        raise no_such_project(asked)
    if asked is not None or not names:
        raise right_missing(right, "a project" if asked is None else "this project")
    if len(names) > 1:
        raise bad_argument("project", "must be named: you may use several")
    return {**arguments, "project": names[0]}


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
