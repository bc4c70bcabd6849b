"""The URL of every page, built here and nowhere else.

A project stands in a path by its name. A name that one segment of a path cannot hold, for a slash
or because a browser would read it as a folder, stands there by its number: ``~3``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode
from uuid import UUID

TWINS = ("json", "md", "csv")
_BY_NUMBER = re.compile(r"~(\d{1,9})\Z")

Query = Mapping[str, Any]


class Named(Protocol):
    """Whatever tells a project: the row itself, or :class:`ProjectName`."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ProjectName:
    """A project by number and name, where its row is not at hand."""

    id: int
    name: str


def project_segment(project: Named) -> str:
    """A project as a path has it, quoted."""
    name = project.name
    odd = "/" in name or name.startswith("~") or not name.strip(".")
    return f"~{project.id}" if odd else quote(name, safe="")


def project_number(segment: str) -> int | None:
    """The number of a project that a path names so; null for a name."""
    found = _BY_NUMBER.match(segment)
    return int(found[1]) if found else None


def with_query(path: str, query: Query) -> str:
    """A path with those of the parameters that have a value; lists repeat."""
    pairs = {name: value for name, value in query.items() if value not in (None, "", [], ())}
    return f"{path}?{urlencode(pairs, doseq=True)}" if pairs else path


def twin(path: str, kind: str) -> str:
    """The same page as ``json``, ``md`` or ``csv``."""
    return f"{'/index' if path == '/' else path}.{kind}"


def home() -> str:
    """What needs somebody."""
    return "/"


def login(after: str | None = None) -> str:
    """Where a session begins; ``after`` is the path to go to then."""
    return with_query("/login", {"next": after})


def of_project(project: Named, page: str, **query: Any) -> str:
    """A page of a project, such as ``groups``."""
    return with_query(f"/p/{project_segment(project)}/{page}", query)


def groups(project: Named, **query: Any) -> str:
    """A project's groups."""
    return of_project(project, "groups", **query)


def group(project: Named, reference: UUID | int | str, **query: Any) -> str:
    """A group and its occurrences."""
    return of_project(project, f"g/{reference}", **query)


def occurrence(event_id: UUID | str) -> str:
    """An occurrence by its id alone: the permanent link."""
    return f"/o/{event_id}"


def raw(event_id: UUID | str) -> str:
    """The bytes of an occurrence."""
    return f"/o/{event_id}/raw"


def file(event_id: UUID | str, sha256: bytes) -> str:
    """A file that came with an occurrence."""
    return f"/o/{event_id}/files/{sha256.hex()}"
