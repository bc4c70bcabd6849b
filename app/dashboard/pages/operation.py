"""An operation: how it went over time, how long it took, and examples in their traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from marshmallow import fields, validate

from app.api.apm import sums_of, works
from app.api.traces import page_of_spans, page_of_transactions
from app.dashboard import links
from app.dashboard.charts import Chart
from app.dashboard.links import Named
from app.dashboard.page import Page, Visit
from app.dashboard.pages.apm import WorkArguments, asked_of, kept_of, over_time_of, told_in_time
from app.dashboard.telemetry.period import Choice, Period
from app.dashboard.telemetry.transactions import TransactionRow, hit_rows, transaction_rows
from app.dashboard.telemetry.work import (
    Numbers,
    duration_chart,
    histogram,
    numbers,
    throughput_chart,
)
from app.errors import not_found
from events.series import OTHER
from storage.sql.minutes import Span, Sum

_EXAMPLES = 8
_CHARS = 200


class OperationArguments(WorkArguments):
    """Which operation of that name, where services or kinds of work share it."""

    category = fields.String(load_default=None, validate=validate.Length(max=_CHARS))


@dataclass(frozen=True, slots=True)
class Examples:
    """Spans of the operation, each in its trace. ``blank`` says why there are none."""

    slowest: tuple[TransactionRow, ...]
    failed: tuple[TransactionRow, ...]
    blank: str = ""


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation in a period; ``whole`` is null when it was not done, or that is not ``told``."""

    title: str
    operation: str
    period: Period
    periods: tuple[Choice, ...]
    filters: dict[str, Any]
    back_href: str
    apdex_ms: float
    told: bool
    whole: Numbers | None
    throughput: Chart | None
    durations: Chart | None
    histogram: Chart | None
    examples: Examples


def operation(visit: Visit) -> OperationView:
    """The operation that the path names; raises ``ApiError`` 404 and ``StoreDown``."""
    project, name = visit.of_project, links.unsegmented(visit.arguments["operation"])
    period, wanted = asked_of(visit)
    wanted = {**wanted, "operation": name}
    work = told_in_time(visit, "what was done", lambda: sums_of(visit.desk, wanted, ("status",)))
    timed = work and told_in_time(
        visit,
        "how it went over time",
        lambda: sums_of(visit.desk, wanted, ("status",), whole=False),
    )
    sums = work[1] if work else ()
    if not sums and not visit.desk.stores.spans_counted.labels(project.id, name):
        raise not_found("operation of this project")
    examples = _examples(visit, wanted, name) if sums else Examples((), ())
    steps = timed and timed[1]
    return operation_view(project, name, period, visit.arguments, work, steps, examples)


def operation_view(
    project: Named,
    name: str,
    period: Period,
    asked: dict[str, Any],
    work: tuple[Span, Sequence[Sum]] | None,
    timed: Sequence[Sum] | None,
    examples: Examples,
) -> OperationView:
    """The page of what an operation adds up to by status, as a whole and in steps, null where that
    was not told; pure.
    """
    kept, apdex_ms = kept_of(period, asked), asked["apdex_ms"]
    filters = {**kept, "category": asked["category"]}
    span, sums = work or (Span(0, 1, 1), ())
    whole = next(iter(works(sums, 0).values()), None)
    over_time = over_time_of(timed or ())
    lasting = {key: value for key, value in filters.items() if key not in period.query}
    return OperationView(
        title=name,
        operation=name,
        period=period,
        periods=period.choices(
            lambda times: links.operation(project, name, **{**lasting, **times})
        ),
        filters={key: asked[key] for key in ("service", "environment", "category")},
        back_href=links.performance(project, **kept),
        apdex_ms=apdex_ms,
        told=work is not None,
        whole=numbers(whole, span.after - span.first, apdex_ms) if whole else None,
        throughput=throughput_chart(over_time, period, "times") if timed is not None else None,
        durations=duration_chart(over_time, period) if timed is not None else None,
        histogram=histogram(whole.all) if whole else None,
        examples=examples,
    )


def _examples(visit: Visit, wanted: dict[str, Any], name: str) -> Examples:
    """Transactions of this name, which SQL knows; of other spans what search finds."""
    if name == OTHER:
        return Examples((), (), "It stands for many operations, so there is no example of it.")
    asked = {**wanted, "name": name, "user": None, "cursor": None, "limit": _EXAMPLES}
    slowest = page_of_transactions(visit.desk, {**asked, "order": "slowest", "failed": None})
    if slowest.items:
        failed = page_of_transactions(visit.desk, {**asked, "order": "newest", "failed": True})
        project = visit.of_project
        return Examples(
            transaction_rows(project, slowest.items),
            transaction_rows(project, failed.items[:_EXAMPLES]),
        )
    if "#" in name:
        return Examples((), (), "Its spans have names of their own, which search does not fold.")
    return visit.gaps.fill(
        "examples", partial(_searched, visit, {**asked, "operation": name}), Examples((), ())
    )


def _searched(visit: Visit, asked: dict[str, Any]) -> Examples:
    """Examples that search finds: of the newest events, the slowest spans first."""
    found = []
    for status in (None, "error"):
        conditions = {"status": status, "attribute": None, "min_ms": None, "max_ms": None}
        page = page_of_spans(visit.desk, {**asked, **conditions})
        rows = hit_rows(visit.of_project, page.items)
        found.append(sorted(rows, key=lambda row: -(row.duration_ms or 0))[:_EXAMPLES])
    return Examples(tuple(found[0]), tuple(found[1]))


PAGES = (
    Page(
        "/p/<project>/apm/<path:operation>",
        "operation",
        operation,
        "pages/operation.html",
        OperationArguments,
        needs="read",
    ),
)
