"""A dead letter: why, what of, how often; its payload, a dry run, an edit, its replays."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from flask import Response
from marshmallow import Schema, fields, validate

from app.api.dead_letters import find_letter, letter_not_open
from app.api.dead_letters import read_payload as payload_bytes
from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.errors import ApiError, bad_argument, not_found
from storage.errors import StoreDown
from storage.sql.letter_actions import LetterNotFound, LetterNotOpen
from storage.sql.letter_rows import DeadLetterRow
from workbench.dry_run import Busy, Tried, dry_run
from workbench.payloads import Unreadable

#: A payload above that is downloaded rather than shown, compared or edited here.
MOST_SHOWN_BYTES = 200_000
MOST_DIFF_LINES = 2_000
_CONTEXT = 3


class EditFields(Schema):
    """What a replay sends in place of the original."""

    payload = fields.String(required=True, validate=validate.Length(min=1))


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line that was added (``+``), taken out (``-``), or stayed (a space)."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplayedRow:
    """A replay that the letter was in, and how it ended for it."""

    id: str
    href: str
    at: datetime
    actor: str
    state: str
    why: str | None


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter. ``payload`` is what a replay sends, as text; null when it is no text, too large to
    be shown, or, with ``problem``, cannot be read. ``diff`` is of the original against it.
    """

    title: str
    id: str
    cluster: str
    cluster_href: str
    event_id: str
    project: str
    type: str
    stage: str
    queue: str
    protocol: str
    code: str
    reason: str
    traceback: str
    attempts: int
    at: datetime
    release: str
    status: str
    status_at: datetime | None
    status_by: str | None
    status_reason: str | None
    edits: int
    payload: str | None
    bytes: int | None
    problem: str | None
    diff: tuple[DiffLine, ...]
    replays: tuple[ReplayedRow, ...]


@dataclass(frozen=True, slots=True)
class EditView:
    """A letter's payload, to be edited."""

    title: str
    id: str
    cluster: str
    payload: str
    edits: int


@dataclass(frozen=True, slots=True)
class DryRunView:
    """What each step would make of the letter now. Nothing was kept."""

    title: str
    id: str
    cluster: str
    would_pass: bool
    steps: tuple[Tried, ...]
    record: dict[str, Any] | None


def letter(visit: Visit) -> LetterView:
    """The letter that the path names; raises ``ApiError`` 404 and ``StoreDown`` for PostgreSQL."""
    found = _find(visit)
    body, problem = _payload(visit, found)
    text = _text(body)
    replays = visit.desk.stores.workbench.items.of_letter(found.id)
    return LetterView(
        title=f"{found.code}: {found.reason}"[:200],
        id=str(found.id),
        cluster=found.cluster,
        cluster_href=links.cluster(found.cluster),
        event_id=str(found.event_id),
        queue=f"{found.type}.{found.stage}",
        payload=text,
        bytes=None if body is None else len(body),
        problem=problem,
        diff=tuple(_diff(visit, found, text)) if found.edits else (),
        replays=tuple(
            ReplayedRow(
                str(one.replay_id),
                links.replay(one.replay_id),
                one.replayed_at,
                one.actor,
                one.state,
                one.why,
            )
            for one in replays
        ),
        **{
            name: getattr(found, name)
            for name in (
                *("project", "type", "stage", "protocol", "code", "reason", "traceback"),
                *("attempts", "at", "release", "status", "status_at", "status_by"),
                *("status_reason", "edits"),
            )
        },
    )


def _find(visit: Visit) -> DeadLetterRow:
    """The letter, under its cause; one whose cause is another by now is 404 there."""
    found = find_letter(visit.desk, visit.arguments["letter"])
    if found.cluster != visit.arguments["cluster"]:
        raise not_found("dead letter")
    return found


def _payload(visit: Visit, found: DeadLetterRow) -> tuple[bytes | None, str | None]:
    try:
        return visit.desk.stores.workbench.payloads.current(found), None
    except Unreadable as exc:
        return None, str(exc)
    except StoreDown as exc:
        visit.gaps.note("its payload", exc.store, "it cannot be reached now.")
        return None, "its store cannot be reached now"


def _text(body: bytes | None) -> str | None:
    """Bytes as text for people; null for what is none, or too much."""
    if body is None or len(body) > MOST_SHOWN_BYTES:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _diff(visit: Visit, found: DeadLetterRow, now: str | None) -> Iterator[DiffLine]:
    try:
        before = _text(visit.desk.stores.workbench.payloads.original(found))
    except (Unreadable, StoreDown):
        return
    if before is not None and now is not None:
        yield from diff(before, now)


def diff(before: str, now: str) -> Iterator[DiffLine]:
    """What an edit changed, line by line; JSON is indented first. Pure."""
    old, new = (_lines(text) for text in (before, now))
    if max(len(old), len(new)) > MOST_DIFF_LINES:
        return
    for line in list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT))[2:]:
        yield DiffLine(line[:1], line[1:])


def _lines(text: str) -> list[str]:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode().splitlines()
    except orjson.JSONDecodeError:
        return text.splitlines()


def payload(visit: Visit) -> Response:
    """Exactly the bytes that a replay sends."""
    found = _find(visit)
    return payload_bytes(visit.desk, {"letter_id": str(found.id), "version": "current"})


def edit(visit: Visit) -> EditView:
    """The payload of the letter that the path names, to be edited; raises ``ApiError`` 409 for one
    that is no text or not open.
    """
    found = _find(visit)
    if found.status != "open":
        raise letter_not_open(found.status)
    body, problem = _payload(visit, found)
    text = _text(body)
    if text is None:
        why = problem or "it is no text, or too large: edit it by the API"
        raise ApiError(409, "payload_unreadable", f"The payload cannot be edited here: {why}.")
    return EditView("Edit the payload", str(found.id), found.cluster, text, found.edits)


def write(visit: Visit) -> SeeOther:
    """Replay this payload in place of the original, which is kept."""
    found, actor = _find(visit), visit.desk.caller.actor
    # Browsers send lines ended by CR LF.
    body = visit.arguments["payload"].replace("\r\n", "\n").encode("utf-8", "replace")
    limit = visit.desk.stores.settings.max_event_bytes
    if len(body) > limit:
        raise bad_argument("payload", f"has more than {limit} bytes (SLUICE_MAX_EVENT_BYTES)")
    try:
        visit.desk.stores.workbench.actions.edit(found.id, body, actor)
    except LetterNotFound:
        raise not_found("dead letter") from None
    except LetterNotOpen as exc:
        raise letter_not_open(exc.status) from None
    return SeeOther(links.letter(found.cluster, found.id), "The payload is edited; try it.")


def try_letter(visit: Visit) -> DryRunView:
    """Every stage tried without keeping anything; raises ``ApiError`` 503 when others do so."""
    found = _find(visit)
    try:
        tried = dry_run(visit.desk.stores.settings, UUID(str(found.id)))
    except Busy:
        raise ApiError(
            503, "overloaded", "Other dry runs are under way.", {"Retry-After": "5"}
        ) from None
    return DryRunView(
        "Dry run: it would be stored" if tried.would_pass else "Dry run: it would die again",
        str(found.id),
        found.cluster,
        tried.would_pass,
        tuple(tried.steps),
        dict(tried.record) if tried.record is not None else None,
    )


_EDIT = Page(
    "/ops/dead/<cluster>/<letter>/edit", "edit_letter", edit, "pages/edit_letter.html",
    needs="operate", twins=False,
)  # fmt: skip
PAGES = (
    Page("/ops/dead/<cluster>/<letter>", "letter", letter, "pages/letter.html", needs="read"),
    Page(
        "/ops/dead/<cluster>/<letter>/payload", "letter_payload", payload, needs="read", twins=False
    ),
    Page(
        "/ops/dead/<cluster>/<letter>/dry-run",
        "dry_run",
        try_letter,
        "pages/dry_run.html",
        needs="operate",
        table="steps",
    ),
    _EDIT,
)
ACTIONS = (
    Action(
        "/ops/dead/<cluster>/<letter>/edit", "write_letter", write, EditFields, needs="operate",
        again=_EDIT,
    ),
)  # fmt: skip
