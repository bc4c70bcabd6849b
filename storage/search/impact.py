"""How many events projects had lately, and how many users those met, in one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch import dsl


@dataclass(frozen=True, slots=True)
class Impact:
    """``events`` is exact; ``users`` is an estimate above a few thousand (HyperLogLog++)."""

    events: int
    users: int


def ask_impact(search: dsl.Search, projects: Sequence[int]) -> dsl.Search:
    """The question, of a search over the time that is meant."""
    search = search.filter("terms", project_id=list(projects)).sort()[:0]
    by_project = search.aggs.bucket("projects", "terms", field="project_id", size=len(projects))
    by_project.metric("users", "cardinality", field="user.identifier")
    return search


def read_impact(answer: Mapping[str, Any], projects: Sequence[int]) -> dict[int, Impact]:
    """The answer, for each project: zeros for one without an event."""
    # Before the first event there is no index, and so nothing aggregated.
    buckets = answer.get("aggregations", {"projects": {"buckets": ()}})["projects"]["buckets"]
    found = {one["key"]: Impact(one["doc_count"], one["users"]["value"]) for one in buckets}
    return {project: found.get(project, Impact(0, 0)) for project in projects}
