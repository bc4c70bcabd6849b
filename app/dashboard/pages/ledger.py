"""The ledger: what was accepted against what became of it, and who holds what is in flight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from marshmallow import Schema, fields, validate

from app.api.arguments import Moment
from app.api.custody import minute_of_path, minute_reading
from app.api.ledger import balanced, shown_ledger, span_of
from app.api.times import iso_minute
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.page import Page, Place, Visit
from app.errors import bad_argument
from storage.ledger import Counts, MinuteRow
from workbench.custody import CustodyReading, Sample

SPAN = timedelta(hours=1)
MOST_SPAN = timedelta(days=31)
MOST_ROWS = 200


class LedgerArguments(Schema):
    """Minutes from a time to another: the last hour by default."""

    start = Moment(data_key="from", load_default=None)
    end = Moment(data_key="to", load_default=None)
    project = fields.String(load_default=None, validate=validate.Length(max=200))


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A minute of a project and type. ``unexplained`` is null while it is unknown."""

    minute: str
    at: datetime
    href: str
    project: str | None
    type: str
    counts: Counts
    unexplained: int | None
    tone: Tone


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Rows newest first, ``hidden`` more of them left out. ``held`` is what queues and this
    machine's spools hold of what is in flight, and ``unexplained`` what they do not; null while
    that is unknown, as ``why`` says.
    """

    title: str
    start: datetime
    end: datetime
    project: str
    balanced: bool
    sums: Counts
    held: int | None
    unexplained: int | None
    why: str | None
    rows: tuple[LedgerRow, ...]
    hidden: int
    earlier: str
    later: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """An event in flight, and where it was found."""

    event_id: UUID
    project: str | None
    type: str
    where: str


@dataclass(frozen=True, slots=True)
class MinuteView:
    """A minute looked into; of an old day the rows are the whole day's. ``held`` are some of the
    events that somebody holds; ``adrift`` have their row and wait for search, and no message names
    their pack.
    """

    title: str
    at: datetime
    rows: tuple[LedgerRow, ...]
    why: str | None
    held: tuple[SampleRow, ...]
    adrift: tuple[SampleRow, ...]


def ledger(visit: Visit) -> LedgerView:
    """The ledger of a span; raises ``ApiError`` 400 and ``StoreDown``."""
    asked, desk = visit.arguments, visit.desk
    end = asked["end"] or visit.now
    start = asked["start"] or end - SPAN
    if not start < end or end - start > MOST_SPAN:
        raise bad_argument("from", f"must lie before to, by at most {MOST_SPAN.days} days")
    first, last = span_of({"start": start, "end": end}, visit.now)
    number = desk.names.number(asked["project"])
    custody = visit.gaps.fill(
        "who holds events", lambda: desk.stores.custody.read(first, last), None
    )
    # Where who holds what is known, the ledger was read for it: it is not asked twice.
    found = (
        shown_ledger(desk, asked["project"], first, last)
        if custody is None
        else balanced(desk, number, custody.sides)
    )
    lost = _unexplained(custody)
    rows = [_row(visit, row, lost) for row in sorted(found.minutes, key=_newest_first)]
    mine = [] if custody is None else [
        row for row in custody.rows if number in (None, row.row[1])
    ]  # fmt: skip
    complete = custody is not None and custody.held.complete
    query = {"project": asked["project"]}
    return LedgerView(
        "Ledger",
        start,
        end,
        asked["project"] or "",
        found.balanced,
        found.totals,
        sum(min(row.held, row.in_flight) for row in mine) if complete else None,
        sum(row.unexplained for row in mine) if complete else None,
        custody.held.why if custody is not None else None,
        tuple(rows[:MOST_ROWS]),
        max(0, len(rows) - MOST_ROWS),
        links.ledger(**query, **_span(start - (end - start), start)),
        links.ledger(**query, **_span(end, end + (end - start))) if end < visit.now else "",
    )


def _newest_first(row: MinuteRow) -> tuple[int, int, str]:
    return -row.minute, row.project_id, row.type


def _span(start: datetime, end: datetime) -> dict[str, str]:
    return {
        name: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for name, moment in (("from", start), ("to", end))
    }


def _unexplained(custody: CustodyReading | None) -> dict[tuple[int, int, str], int] | None:
    if custody is None or not custody.held.complete:
        return None
    return {row.row: row.unexplained for row in custody.rows}


def _row(visit: Visit, row: MinuteRow, lost: dict[tuple[int, int, str], int] | None) -> LedgerRow:
    counts = row.counts
    unexplained = None if lost is None else lost.get((row.minute, row.project_id, row.type), 0)
    minute = iso_minute(row.minute)
    return LedgerRow(
        minute,
        datetime.fromtimestamp(row.minute * 60, UTC),
        links.ledger_minute(minute),
        visit.desk.names.name(row.project_id),
        row.type,
        counts,
        unexplained,
        _tone(counts, unexplained),
    )


def _tone(counts: Counts, unexplained: int | None) -> Tone:
    if unexplained or counts.in_flight < 0:
        return "bad"
    if counts.overdue:
        return "warn"
    return "busy" if counts.in_flight else "ok"


def minute(visit: Visit) -> MinuteView:
    """The minute that the path names; raises ``ApiError`` 404 and ``StoreDown``."""
    number = minute_of_path(visit.arguments["minute"])
    found = minute_reading(visit.desk, number)
    rows = balanced(visit.desk, None, found.custody.sides).minutes
    lost = _unexplained(found.custody)
    return MinuteView(
        iso_minute(number),
        datetime.fromtimestamp(number * 60, UTC),
        tuple(_row(visit, row, lost) for row in sorted(rows, key=_newest_first)),
        found.custody.held.why,
        tuple(_sample(visit, one) for one in found.custody.samples),
        tuple(_sample(visit, one) for one in found.adrift),
    )


def _sample(visit: Visit, sample: Sample) -> SampleRow:
    name = visit.desk.names.name(sample.project_id)
    return SampleRow(sample.event_id, name, sample.type, sample.where)


PAGES = (
    Page(
        "/ops/ledger",
        "ledger",
        ledger,
        "pages/ledger.html",
        LedgerArguments,
        needs="read",
        table="rows",
        place=Place("Ledger", "installation", key="l"),
        live=True,
    ),
    Page(
        "/ops/ledger/<minute>",
        "ledger_minute",
        minute,
        "pages/ledger_minute.html",
        needs="read",
        table="rows",
    ),
)
