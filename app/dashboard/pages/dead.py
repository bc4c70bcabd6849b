"""Dead letters by cause: our own failures, grouped as crashes are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.api.letter_arguments import letter_filter
from app.dashboard import links
from app.dashboard.page import Page, Place, Visit
from config.policy import EVENT_TYPES, STAGES
from storage.sql.clusters import Cluster
from storage.sql.letter_filter import LetterFilter
from storage.sql.letter_rows import MAX_CODE_CHARS

MOST_CLUSTERS = 100


class DeadArguments(Schema):
    """Of which letters the causes are told."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))
    type = fields.String(
        load_default=None, validate=validate.OneOf([row.name for row in EVENT_TYPES])
    )
    stage = fields.String(load_default=None, validate=validate.OneOf([row.name for row in STAGES]))
    code = fields.String(load_default=None, validate=validate.Length(max=MAX_CODE_CHARS))


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """Letters that died of one cause."""

    key: str
    href: str
    stage: str
    code: str
    reason: str
    count: int
    projects: int
    queues: tuple[str, ...]
    releases: tuple[str, ...]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DeadView:
    """The causes, largest first. ``last_at`` is when an event died last, whatever became of it."""

    title: str
    clusters: tuple[ClusterRow, ...]
    letters: int
    more: bool
    last_at: datetime | None
    project: str
    type: str
    stage: str
    code: str
    types: tuple[str, ...]
    stages: tuple[str, ...]


def cluster_row(cluster: Cluster, project: str | None = None) -> ClusterRow:
    """A cause as a row; its page is of that project, if one is given."""
    return ClusterRow(
        cluster.key,
        links.cluster(cluster.key, project=project),
        cluster.stage,
        cluster.code,
        cluster.reason,
        cluster.count,
        cluster.projects,
        tuple(cluster.queues),
        tuple(cluster.releases),
        cluster.first_at,
        cluster.last_at,
    )


def dead(visit: Visit) -> DeadView:
    """Open dead letters by cause; raises ``ApiError`` 400 and ``StoreDown``."""
    asked, workbench = visit.arguments, visit.desk.stores.workbench
    visit.desk.names.number(asked["project"])
    found = workbench.clusters.list(letter_filter(asked), MOST_CLUSTERS + 1)
    last_at = None
    if not found:
        latest = workbench.letters.list(LetterFilter(status=None), None, 1).items
        last_at = latest[0].at if latest else None
    shown = found[:MOST_CLUSTERS]
    return DeadView(
        "Dead letters",
        tuple(cluster_row(one, asked["project"]) for one in shown),
        sum(one.count for one in shown),
        len(found) > MOST_CLUSTERS,
        last_at,
        asked["project"] or "",
        asked["type"] or "",
        asked["stage"] or "",
        asked["code"] or "",
        tuple(row.name for row in EVENT_TYPES),
        tuple(row.name for row in STAGES),
    )


PAGES = (
    Page(
        "/ops/dead",
        "dead",
        dead,
        "pages/dead.html",
        DeadArguments,
        needs="read",
        table="clusters",
        place=Place("Dead letters", "installation", key="d"),
        live=True,
    ),
)
