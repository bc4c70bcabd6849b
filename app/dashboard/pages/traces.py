"""A project's transactions: what its services did, by time or by how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from app.api.traces import page_of_transactions
from app.dashboard import links
from app.dashboard.page import Page, Tab, Visit
from app.dashboard.pages.apm import OF
from app.dashboard.paging import PageArguments, Paging, paging
from app.dashboard.telemetry.period import Choice, Period, PeriodArguments, period_of
from app.dashboard.telemetry.transactions import TransactionRow, transaction_rows

_HOURS = 24
_CHARS = 200
_FILTERS = ("service", "name", "user", "failed", "order")


class TracesArguments(PageArguments, PeriodArguments):
    """Which transactions, and their order."""

    service = fields.String(load_default=None, validate=validate.Length(max=_CHARS))
    name = fields.String(load_default=None, validate=validate.Length(max=_CHARS))
    user = fields.String(load_default=None, validate=validate.Length(max=_CHARS))
    failed = fields.Boolean(load_default=None)
    order = fields.String(load_default="newest", validate=validate.OneOf(["newest", "slowest"]))


@dataclass(frozen=True, slots=True)
class TracesView:
    """Transactions of a period. ``filters`` are those that were asked for. An event may hold more
    than a page has room for: of the last one so many are ``left_out``, and are in the event.
    """

    title: str
    period: Period
    periods: tuple[Choice, ...]
    filters: dict[str, Any]
    clear_href: str
    transactions: tuple[TransactionRow, ...]
    left_out: int
    event_href: str
    paging: Paging


def traces(visit: Visit) -> TracesView:
    """The transactions that the arguments ask for; raises ``ApiError`` 400 and ``StoreDown``."""
    project, asked = visit.of_project, visit.arguments
    period = period_of(visit, _HOURS)
    page = page_of_transactions(visit.desk, {**asked, **period.arguments, "project": project.name})
    filters = {name: asked[name] or None for name in _FILTERS}
    if filters["order"] == "newest":
        filters["order"] = None
    # A page is one of whole events: the next begins with another.
    rows = transaction_rows(project, page.items[: asked["limit"]])
    left_out = len(page.items) - len(rows)
    kept = {**filters, "limit": asked["limit"], "cursor": asked["cursor"], **period.query}
    return TracesView(
        "Traces",
        period,
        period.choices(lambda times: links.traces(project, **filters, **times)),
        filters,
        links.traces(project, **period.query),
        rows,
        left_out,
        links.occurrence(page.items[-1].event_id) if left_out else "",
        paging(links.traces(project), kept, len(rows), page.next_cursor),
    )


PAGES = (
    Page(
        "/p/<project>/traces",
        "traces",
        traces,
        "pages/traces.html",
        TracesArguments,
        needs="read",
        table="transactions",
        tab=Tab("Traces", OF),
    ),
)
