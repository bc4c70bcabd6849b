"""Leaving events past their term out of a search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from elasticsearch import dsl

from storage.floors import Floors
from storage.search.document import timestamp


def without_past(
    search: dsl.Search, floors: Floors, project_id: int | None, types: Sequence[str]
) -> dsl.Search:
    """The search without events below the floors of their project and type."""
    for name in types:
        if project_id is not None:
            search = _without(search, name, floors.floor_ms(project_id, name), None)
            continue
        search = _without(search, name, floors.types.get(name, 0), None)
        by_floor: dict[int, list[int]] = defaultdict(list)
        for (project, of_type), floor in floors.projects.items():
            if of_type == name:
                by_floor[floor].append(project)
        for floor, projects in by_floor.items():
            search = _without(search, name, floor, projects)
    return search


def _without(
    search: dsl.Search, type_name: str, floor_ms: int, projects: list[int] | None
) -> dsl.Search:
    if not floor_ms:
        return search
    moment = timestamp(datetime.fromtimestamp(floor_ms / 1000, UTC))
    past = dsl.Q("term", type=type_name) & dsl.Q("range", received_at={"lt": moment})
    if projects is not None:
        past &= dsl.Q("terms", project_id=projects)
    return search.exclude(past)
