"""The occurrences of a group as a table: with a filter, in columns of choice, as CSV too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from app.api.arguments import bad_argument
from app.dashboard import links
from app.dashboard.page import Page, Visit
from app.dashboard.pages.group import OF_GROUP, of_path, path_of
from app.dashboard.pages.groups import QueryProblem
from app.dashboard.paging import PageArguments, Paging, paging
from app.dashboard.text import as_text
from app.dashboard.triage.steps import FOUND
from events.ids import id_time
from storage.query.keys import key_names
from storage.query.parse import ParsedQuery, QueryError, parse_query
from storage.search.cursor import encode_cursor, event_of
from storage.sql.events import StoredEvent
from storage.sql.groups import Group

#: Columns that PostgreSQL has, and those that search has, by where they lie there.
OWN = {"message": "Message", "version": "Release", "machine": "Machine"}
SEARCHED = {
    "user": ("User", ("user.identifier", "user.email", "user.name")),
    "os": ("System", ("facets.os",)),
    "browser": ("Browser", ("facets.browser",)),
    "device": ("Device", ("facets.device",)),
    "runtime": ("Runtime", ("facets.runtime",)),
    "locale": ("Language", ("facets.locale",)),
    "url": ("URL", ("url",)),
    "tags": ("Tags", ("tags",)),
}
LABELS = {**OWN, **{name: label for name, (label, _) in SEARCHED.items()}}
_FIRST = ["message", "version", "user", "os"]


class OccurrencesArguments(PageArguments):
    """A filter, and the columns to show."""

    q = fields.String(load_default=None, validate=validate.Length(max=2000))
    columns = fields.List(
        fields.String(validate=validate.OneOf(list(LABELS))),
        load_default=lambda: list(_FIRST),
        validate=validate.Length(max=len(LABELS)),
    )


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """An occurrence; ``values`` are those of the columns by name, null where they are unknown."""

    id: str
    href: str
    received_at: datetime
    occurred_at: datetime | None
    values: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column to choose."""

    name: str
    label: str
    shown: bool


@dataclass(frozen=True, slots=True)
class OccurrencesView:
    """A page of a group's occurrences, newest first."""

    title: str
    path: str
    group_title: str
    occurrences: tuple[OccurrenceRow, ...]
    query: str
    problem: QueryProblem | None
    columns: tuple[ColumnView, ...]
    keys: tuple[str, ...]
    clear_href: str
    paging: Paging


def occurrences(visit: Visit) -> OccurrencesView:
    """The occurrences that the arguments ask for; raises ``ApiError`` 400 for a bad cursor."""
    found, asked = of_path(visit), visit.arguments
    query, problem = _query(asked["q"])
    if problem:
        events, following = list[StoredEvent](), None
    elif query.terms:
        events, following = _searched(visit, found, query)
    else:
        events, following = _listed(visit, found)
    path = path_of(visit, found)
    columns = [name for name in LABELS if name in asked["columns"]]
    here = links.occurrences(path)
    kept = {**asked, "columns": None if asked["columns"] == _FIRST else columns}
    told = {name: kept[name] for name in ("q", "columns", "cursor", "limit")}
    return OccurrencesView(
        title=f"Occurrences of #{found.number}",
        path=path,
        group_title=found.title,
        occurrences=_rows(visit, path, events, columns, asked["q"]),
        query=asked["q"] or "",
        problem=problem,
        columns=tuple(ColumnView(name, label, name in columns) for name, label in LABELS.items()),
        keys=tuple(key_names("events")),
        clear_href=links.occurrences(path, columns=kept["columns"]),
        paging=paging(
            here,
            told,
            len(events),
            following,
            total=None if query.terms else found.count - found.dropped,
        ),
    )


def _query(text: str | None) -> tuple[ParsedQuery, QueryProblem | None]:
    try:
        return parse_query(text or "", "events"), None
    except QueryError as exc:
        return parse_query(""), QueryProblem(exc.message, exc.position + 1)


def _listed(visit: Visit, found: Group) -> tuple[list[StoredEvent], str | None]:
    asked = visit.arguments
    try:
        page = visit.desk.stores.events.of_group(found.id, asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return list(page.items), page.next_cursor


def _searched(
    visit: Visit, found: Group, query: ParsedQuery
) -> tuple[list[StoredEvent], str | None]:
    """What search finds, as PostgreSQL has it; a gap and nothing while search is away."""
    stores, asked = visit.desk.stores, visit.arguments
    try:
        after = event_of(asked["cursor"]) if asked["cursor"] else None
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None

    def read() -> list[UUID]:
        return stores.search.beside(
            found.project_id,
            [member.id for member in stores.groups.members(found.id)],
            query,
            stores.retention.terms.last_floors(),
            after,
            limit=asked["limit"] + 1,
        )

    nothing: list[UUID] = []
    ids = visit.gaps.fill(FOUND, read, nothing)
    shown = ids[: asked["limit"]]
    following = encode_cursor(shown[-1]) if len(ids) > len(shown) else None
    return stores.events.some(found.type, shown)[::-1], following


def _rows(
    visit: Visit, path: str, events: Sequence[StoredEvent], columns: Sequence[str], q: str | None
) -> tuple[OccurrenceRow, ...]:
    fields_of = {name: SEARCHED[name][1] for name in columns if name in SEARCHED}
    documents: dict[UUID, dict[str, Any]] = {}
    if fields_of and events:
        names = [field for part in fields_of.values() for field in part]
        ids = [event.id for event in events]
        labels = ", ".join(LABELS[name] for name in fields_of)
        documents = visit.gaps.fill(
            f"the columns {labels}",
            lambda: visit.desk.stores.search.documents(events[0].type, ids, names),
            {},
        )
    return tuple(
        OccurrenceRow(
            str(event.id),
            links.in_group(path, event.id, q=q),
            id_time(event.id),
            event.occurred_at,
            {name: _value(name, event, documents.get(event.id)) for name in columns},
        )
        for event in events
    )


def _value(name: str, event: StoredEvent, document: Mapping[str, Any] | None) -> str | None:
    if name in OWN:
        return event.columns.get(name) or ""
    if document is None:
        return None
    return next(filter(None, (_at(document, field) for field in SEARCHED[name][1])), "")


def _at(document: Mapping[str, Any], field: str) -> str:
    """The text at a field of a document, whose parts are apart by dots."""
    value: Any = document
    for part in field.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return "" if value is None else as_text(value)


PAGES = (
    Page(
        f"{OF_GROUP}/occurrences",
        "occurrences",
        occurrences,
        "pages/occurrences.html",
        OccurrencesArguments,
        needs="read",
        table="occurrences",
    ),
)
