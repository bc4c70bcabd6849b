"""A trace: its spans as nested bars, what was logged, and the crashes that happened in it."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.trace_reading import FoundTrace, Spans, find_trace, read_spans
from app.dashboard.page import Page, Visit
from app.dashboard.telemetry.trace import TraceView, Wanted, trace_view
from app.errors import not_found

#: A page waits no longer for a trace's events to be read.
_SECONDS = 4.0
_SPAN_ID = 64


class TraceArguments(Schema):
    """Which spans: from a place on, those around one, or all that were read."""

    at = fields.Integer(load_default=0, validate=validate.Range(min=0, max=1_000_000))
    span = fields.String(load_default="", validate=validate.Length(max=_SPAN_ID))
    show = fields.String(load_default="some", validate=validate.OneOf(["some", "all"]))


def trace(visit: Visit) -> TraceView:
    """The trace that the path names, with what other projects that the reader sees have of it.
    Without the file server its crashes alone, and the gap is noted.

    Raises ``ApiError`` 404 when this project has nothing of it, and ``StoreDown`` for PostgreSQL.
    """
    project, asked = visit.of_project, visit.arguments
    found = find_trace(visit.desk, asked["trace_id"], None)
    if not _touches(found, project.id):
        raise not_found("trace")
    read = visit.gaps.fill(
        "its spans and logs", lambda: read_spans(visit.desk, found, _SECONDS), None
    )
    missing = "" if read is not None else "Its spans and logs cannot be read now."
    wanted = Wanted(asked["at"], asked["span"], asked["show"] == "all")
    return trace_view(project, found, read or Spans(found.trace_id), wanted, missing)


def _touches(found: FoundTrace, project_id: int) -> bool:
    owners = {one.project_id for one in found.events} | {one.project_id for one in found.crashes}
    return project_id in owners


PAGES = (
    Page(
        "/p/<project>/traces/<trace_id>",
        "trace",
        trace,
        "pages/trace.html",
        TraceArguments,
        needs="read",
        table="spans",
    ),
)
