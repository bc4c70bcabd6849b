"""The dead letters of one cause, and what can be done to one, some or all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from app.api.letter_arguments import MAX_IDS, Pace, Reason
from app.api.letter_bulk import export_letters
from app.api.replays import start_replay
from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.pages.dead import ClusterRow, cluster_row
from app.dashboard.paging import PageArguments, Paging, paging
from app.errors import bad_argument, not_found
from storage.replay import DEFAULT_RATE, MAX_CANARY, MAX_RATE, MIN_RATE
from storage.sql.letter_filter import STATUSES, LetterFilter
from storage.sql.letter_rows import MAX_REASON_CHARS, DeadLetterRow

_DOES = ("replay", "discard")
#: What is proposed: ten letters go first, and nothing else before they are stored.
PROPOSED_CANARY = 10


class ClusterArguments(PageArguments):
    """Letters of a project or all, in a status."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))
    status = fields.String(load_default="open", validate=validate.OneOf([*STATUSES, "all"]))


class ExportArguments(Schema):
    """Letters of a project or all."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))


class Meant(Schema):
    """Which letters are meant: those of ids, or every open one of the cause (and project)."""

    id = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=MAX_IDS))
    every = fields.Boolean(load_default=False)
    project = fields.String(load_default=None, validate=validate.Length(max=200))


class AskArguments(Meant):
    """What is to be done to them."""

    do = fields.String(required=True, validate=validate.OneOf(_DOES))


class ReplayFields(Meant, Pace):
    """A replay of the letters that are meant."""


class DiscardFields(Meant, Reason):
    """A discard of the letters that are meant."""


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A letter in a list."""

    id: str
    href: str
    event_id: str
    project: str
    type: str
    at: datetime
    attempts: int
    status: str
    reason: str
    release: str
    edits: int


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cause with a page of its letters. ``cluster`` is null when none of them is open, and
    ``open`` is how many are, of the project asked for or of all.
    """

    title: str
    key: str
    cluster: ClusterRow | None
    letters: tuple[LetterRow, ...]
    open: int
    status: str
    project: str
    paging: Paging


@dataclass(frozen=True, slots=True)
class AskView:
    """What is about to be done, to how many letters: said again before it is."""

    title: str
    key: str
    do: str
    ids: tuple[str, ...]
    every: bool
    project: str
    count: int
    rate: float
    canary: int
    rates: tuple[float, float]
    most_canaries: int
    most_reason: int


def letter_row(letter: DeadLetterRow) -> LetterRow:
    """A letter as a row of a list."""
    return LetterRow(
        str(letter.id),
        links.letter(letter.cluster, letter.id),
        str(letter.event_id),
        letter.project,
        letter.type,
        letter.at,
        letter.attempts,
        letter.status,
        letter.reason,
        letter.release,
        letter.edits,
    )


def cluster(visit: Visit) -> ClusterView:
    """The letters of the cause that the path names; raises ``ApiError`` and ``StoreDown``."""
    asked, workbench = visit.arguments, visit.desk.stores.workbench
    visit.desk.names.number(asked["project"])
    key, status = asked["cluster"], asked["status"]
    wanted = LetterFilter(asked["project"], cluster=key)
    shown = replace(wanted, status=None if status == "all" else status)
    try:
        page = workbench.letters.list(shown, asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    found = workbench.clusters.list(wanted, 1)
    if not found and not page.items and asked["cursor"] is None and status == "open":
        _require_known(visit, key)
    query = {name: asked[name] for name in ("project", "status", "cursor", "limit")}
    row = cluster_row(found[0], asked["project"]) if found else None
    first = row.code if row else page.items[0].code if page.items else "Dead letters"
    return ClusterView(
        first,
        key,
        row,
        tuple(map(letter_row, page.items)),
        row.count if row else 0,
        status,
        asked["project"] or "",
        paging(links.cluster(key), query, len(page.items), page.next_cursor),
    )


def _require_known(visit: Visit, key: str) -> None:
    letters = visit.desk.stores.workbench.letters
    if not letters.list(LetterFilter(cluster=key, status=None), None, 1).items:
        raise not_found("dead letter")


def ask(visit: Visit) -> AskView:
    """What is about to be done, before it is; raises ``ApiError`` and ``StoreDown``."""
    asked = visit.arguments
    wanted = _meant(visit)
    count = visit.desk.stores.dead_letters.count(wanted)
    return AskView(
        f"{asked['do'].capitalize()} {count:,} dead letter{'s' if count != 1 else ''}",
        asked["cluster"],
        asked["do"],
        tuple(str(one) for one in asked["id"]),
        asked["every"],
        asked["project"] or "",
        count,
        DEFAULT_RATE,
        PROPOSED_CANARY if count > PROPOSED_CANARY else 0,
        (MIN_RATE, MAX_RATE),
        MAX_CANARY,
        MAX_REASON_CHARS,
    )


def _meant(visit: Visit) -> LetterFilter:
    """The letters that a form means; raises ``ApiError`` 400 for none."""
    given: dict[str, Any] = visit.arguments
    visit.desk.names.number(given["project"])
    ids: list[UUID] = given["id"]
    if not ids and not given["every"]:
        raise bad_argument("id", "select letters, or all of them")
    wanted = LetterFilter(given["project"], cluster=given["cluster"])
    return wanted if given["every"] else replace(wanted, ids=tuple(ids))


def replay(visit: Visit) -> SeeOther:
    """Send the letters again; their ids are frozen with this."""
    wanted, given = _meant(visit), visit.arguments
    made = start_replay(visit.desk, wanted, {**given, "actor": visit.desk.caller.actor})
    return SeeOther(links.replay(made.id), f"Replaying {made.count():,} dead letters.")


def discard(visit: Visit) -> SeeOther:
    """Give up on the letters' events for good."""
    wanted, key = _meant(visit), visit.arguments["cluster"]
    done = visit.desk.stores.workbench.actions.discard_all(
        wanted, visit.arguments["reason"], visit.desk.caller.actor
    )
    return SeeOther(links.cluster(key, status="discarded"), f"Discarded {done:,} dead letters.")


def export(visit: Visit) -> Response:
    """The open letters of the cause with their payloads, as NDJSON."""
    asked = dict.fromkeys(("project", "type", "stage", "code", "start", "end"))
    asked |= {"cluster": visit.arguments["cluster"], "project": visit.arguments["project"]}
    response = export_letters(visit.desk, asked)
    response.headers["Content-Disposition"] = 'attachment; filename="letters.ndjson"'
    return response


PAGES = (
    Page(
        "/ops/dead/<cluster>/export", "export_letters", export, arguments=ExportArguments,
        needs="read", twins=False,
    ),
    Page(
        "/ops/dead/<cluster>",
        "cluster",
        cluster,
        "pages/cluster.html",
        ClusterArguments,
        needs="read",
        table="letters",
        live=True,
    ),
    Page(
        "/ops/dead/<cluster>/ask", "ask_letters", ask, "pages/ask.html", AskArguments,
        needs="operate",
    ),
)  # fmt: skip
ACTIONS = (
    Action("/ops/dead/<cluster>/replays", "replay_letters", replay, ReplayFields, needs="operate"),
    Action(
        "/ops/dead/<cluster>/discards", "discard_letters", discard, DiscardFields, needs="operate"
    ),
)
