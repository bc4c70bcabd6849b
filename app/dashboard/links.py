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


def join(secret: str) -> str:
    """Where the link of an invitation leads."""
    return f"/join/{quote(secret, safe='')}"


def account() -> str:
    """One's own account."""
    return "/account"


def of_project(project: Named, page: str, **query: Any) -> str:
    """A page of a project, such as ``groups``."""
    return with_query(f"/p/{project_segment(project)}/{page}", query)


def settings(project: Named, part: str = "") -> str:
    """A project's settings, or a part of them such as ``members``."""
    return of_project(project, f"settings/{part}" if part else "settings")


def setup(project: Named) -> str:
    """How SDKs are set up for a project. A name that ends as a text twin does stands by number."""
    odd = project.name.endswith(tuple(f".{kind}" for kind in TWINS))
    return f"/setup/~{project.id}" if odd else f"/setup/{project_segment(project)}"


def installation(part: str = "") -> str:
    """The settings of the installation, or a part of them such as ``users``."""
    return f"/settings/{part}" if part else "/settings"


def groups(project: Named, **query: Any) -> str:
    """A project's groups."""
    return of_project(project, "groups", **query)


def group(project: Named, reference: UUID | int | str, **query: Any) -> str:
    """A group and its occurrences."""
    return of_project(project, f"g/{reference}", **query)


def group_of(project: Named, group_id: UUID, number: int | None) -> str:
    """A group by its short number; by its id for the moment in which it has none."""
    return group(project, group_id if number is None else number)


def in_group(group_path: str, event_id: UUID | str, **query: Any) -> str:
    """An occurrence among those of its group; ``group_path`` is the group's."""
    return with_query(f"{group_path}/o/{event_id}", query)


def occurrences(group_path: str, **query: Any) -> str:
    """The table of a group's occurrences."""
    return with_query(f"{group_path}/occurrences", query)


def difference(group_path: str, one: UUID | str, other: UUID | str) -> str:
    """Two occurrences of a group side by side."""
    return with_query(f"{group_path}/diff", {"a": one, "b": other})


def releases(project: Named, **query: Any) -> str:
    """A project's releases."""
    return of_project(project, "releases", **query)


def release(project: Named, version: str) -> str:
    """A release. It stands in the query: a version may be anything."""
    return of_project(project, "release", version=version)


def decisions(project: Named, **query: Any) -> str:
    """What was decided on a project's groups."""
    return of_project(project, "decisions", **query)


def decision(project: Named, action_id: UUID | str) -> str:
    """A decision on groups: what it does, and how far it is."""
    return of_project(project, f"decisions/{action_id}")


def decide(project: Named) -> str:
    """Where a decision on groups of a project is sent."""
    return of_project(project, "groups/decide")


def undo(project: Named, action_id: UUID | str) -> str:
    """Where taking a decision back is sent."""
    return f"{decision(project, action_id)}/undo"


def discarded(project: Named, **query: Any) -> str:
    """Fingerprints of a project of which nothing is stored."""
    return of_project(project, "discarded", **query)


def activity(group_path: str, **query: Any) -> str:
    """What happened to a group."""
    return with_query(f"{group_path}/activity", query)


def evidence(event_id: UUID | str) -> str:
    """A crash as a file that opens anywhere."""
    return f"/o/{event_id}/evidence"


def occurrence(event_id: UUID | str) -> str:
    """An occurrence by its id alone: the permanent link."""
    return f"/o/{event_id}"


def raw(event_id: UUID | str) -> str:
    """The bytes of an occurrence."""
    return f"/o/{event_id}/raw"


def file(event_id: UUID | str, sha256: bytes) -> str:
    """A file that came with an occurrence."""
    return f"/o/{event_id}/files/{sha256.hex()}"


def performance(project: Named, **query: Any) -> str:
    """What a project's services do, how often, how fast, and how often it fails."""
    return of_project(project, "apm", **query)


def operation(project: Named, name: str, **query: Any) -> str:
    """One operation of a project's services."""
    return of_project(project, f"apm/{_path(name)}", **query)


def traces(project: Named, **query: Any) -> str:
    """Transactions of a project, each in its trace."""
    return of_project(project, "traces", **query)


def trace(project: Named, trace_id: str, **query: Any) -> str:
    """A trace; ``span`` is the id of one of its spans to show."""
    return of_project(project, f"traces/{quote(trace_id, safe='')}", **query)


def health(project: Named, **query: Any) -> str:
    """How a project's hosts and services are."""
    return of_project(project, "health", **query)


def host(project: Named, name: str, **query: Any) -> str:
    """The levels that one host tells of. It stands in the query: a name may be anything."""
    return of_project(project, "host", name=name, **query)


def metrics(project: Named, **query: Any) -> str:
    """What is measured in a project."""
    return of_project(project, "metrics", **query)


def metric(project: Named, name: str, **query: Any) -> str:
    """A metric over time. Its name may be anything, too."""
    return of_project(project, "metric", name=name, **query)


def receipt(event_id: UUID | str | None = None) -> str:
    """All that is known of an event's way; without an id, where one is asked for."""
    return with_query("/receipt", {"id": event_id})


def operations() -> str:
    """The installation at a glance."""
    return "/ops"


def queue(name: str) -> str:
    """A queue."""
    return f"/ops/queues/{quote(name, safe='')}"


def workers() -> str:
    """Pools of workers."""
    return "/ops/workers"


def dead(**query: Any) -> str:
    """Dead letters by cause."""
    return with_query("/ops/dead", query)


def cluster(key: str, **query: Any) -> str:
    """The dead letters of a cause."""
    return with_query(f"/ops/dead/{quote(key, safe='')}", query)


def letter(key: str, letter_id: UUID | str, part: str = "") -> str:
    """A dead letter, or a part of it such as ``edit``."""
    tail = f"/{part}" if part else ""
    return f"/ops/dead/{quote(key, safe='')}/{letter_id}{tail}"


def parked() -> str:
    """Parked messages."""
    return "/ops/parked"


def replays(**query: Any) -> str:
    """Replays of dead letters."""
    return with_query("/ops/replays", query)


def replay(replay_id: UUID | str, **query: Any) -> str:
    """A replay and its letters."""
    return with_query(f"/ops/replays/{replay_id}", query)


def ledger(**query: Any) -> str:
    """The ledger by minute."""
    return with_query("/ops/ledger", query)


def ledger_minute(minute: str) -> str:
    """A minute of the ledger, such as ``2026-11-22T22:35:00Z``."""
    return f"/ops/ledger/{quote(minute, safe=':')}"


def audit(**query: Any) -> str:
    """What operators did."""
    return with_query("/ops/audit", query)


def rum(project: Named, page: str | None = None, **query: Any) -> str:
    """Web vitals and pages of a project, or one of its pages."""
    if page is None:
        return of_project(project, "rum", **query)
    return with_query(of_project(project, "rum/page"), {"page": page, **query})


def path_rules(project: Named, **query: Any) -> str:
    """Which paths of a project are one page."""
    return of_project(project, "rum/rules", **query)


def sessions(project: Named, **query: Any) -> str:
    """Sessions of a project."""
    return of_project(project, "sessions", **query)


def session(session_id: str, project: Named | None = None) -> str:
    """A session; of that project, as several may have its id."""
    return with_query(f"/s/{_segment(session_id)}", {"project": project and project.name})


def user(project: Named, identifier: str) -> str:
    """A user of a project."""
    return of_project(project, f"users/{_segment(identifier)}")


def unsegmented(segment: str) -> str:
    """Back from a segment of a name that others chose; empty for one that is none of ours."""
    if not segment.startswith("~"):
        return segment
    try:
        return bytes.fromhex(segment[1:]).decode()
    except ValueError:
        return ""


def _segment(name: str) -> str:
    """A name that others chose, in one segment of a path: as it is, or as ``~`` and hexadecimal
    bytes where it would be read as more than a name.
    """
    odd = "/" in name or name.startswith("~") or not name.strip(".") or not name.isprintable()
    if odd or name.rpartition(".")[2] in TWINS:
        return _coded(name)
    return quote(name, safe="")


def _path(name: str) -> str:
    """The same at the end of a path, where a name's slashes may stand as they are."""
    odd = name.startswith("~") or not all(part.strip(".") for part in name.split("/"))
    if odd or not name.isprintable() or name.rpartition(".")[2] in TWINS:
        return _coded(name)
    return quote(name, safe="/")


def _coded(name: str) -> str:
    """A name as :func:`unsegmented` reads it."""
    return "~" + name.encode("utf-8", "replace").hex()
