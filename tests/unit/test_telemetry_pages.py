"""Pages of spans, metrics and sessions: what they show, without HTML and without stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.apm import Whole, ranked
from app.api.trace_reading import FoundTrace, Spans
from app.dashboard import links
from app.dashboard.amounts import milliseconds
from app.dashboard.crash.beside import person_of
from app.dashboard.crash.trace import trace_section
from app.dashboard.gaps import TOO_LONG, Gaps
from app.dashboard.links import ProjectName
from app.dashboard.pages.apm import ApmView, Found, apm_view, shown_of
from app.dashboard.pages.metrics import MetricView, metric_view
from app.dashboard.pages.operation import Examples, operation_view
from app.dashboard.telemetry.health import health_view, version_health
from app.dashboard.telemetry.limits import limit_of
from app.dashboard.telemetry.measures import host_rows, unit_of
from app.dashboard.telemetry.period import Period, step_of
from app.dashboard.telemetry.trace import SPANS, TraceView, Wanted, trace_view
from app.dashboard.telemetry.work import histogram
from app.dashboard.twins import as_csv, as_json, as_markdown
from events.ids import new_id, now_ms
from events.telemetry import Log
from events.telemetry import Span as Timed
from storage.distribution import _MAPPING, _OFFSET, Distribution
from storage.errors import StoreDown
from storage.model import EventLocation
from storage.sql.events import StoredEvent
from storage.sql.health import Health
from storage.sql.minutes import Known, Limited, Span, Sum
from storage.sql.traces import TraceCrash, Transaction

SHOP, WEB = ProjectName(1, "shop"), ProjectName(2, "web")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MS = 1_000_000
BASE = 10**18
HOSTILE = "<script>alert(1)</script> \u202e"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def event(project: ProjectName = SHOP, type_name: str = "trace", **columns: Any) -> StoredEvent:
    return StoredEvent(
        id=new_id(now_ms()),
        project_id=project.id,
        project=project.name,
        type=type_name,
        protocol="otlp.traces.proto",
        group_id=None,
        occurred_at=None,
        location=EventLocation("pack", 0, 0, 0, 0, 0),
        redacted=0,
        columns=columns,
    )


def span(
    name: str, parent: str | None = None, start: float = 0, took: float = 10, **more: Any
) -> Timed:
    begun = BASE + round(start * MS)
    return Timed(TRACE, name, parent, f"do {name}", begun, begun + round(took * MS), **more)


def read(*spans: Timed, services: str = "", logs: Sequence[Log] = ()) -> Spans:
    of_shop = event()
    names = list(services) or ["api"] * len(spans)
    return Spans(
        TRACE, [*spans], [of_shop] * len(spans), [*names], [(of_shop, log) for log in logs]
    )


def shown(found: Spans, crashes: Sequence[TraceCrash] = (), **wanted: Any) -> TraceView:
    return trace_view(SHOP, FoundTrace(TRACE, found.events, crashes), found, Wanted(**wanted))


def crash(span_id: str | None = None, owner: ProjectName = SHOP) -> TraceCrash:
    return TraceCrash(
        new_id(now_ms()), owner.id, owner.name, None, "PayError", "declined", span_id, "ann"
    )


def test_bars_stand_where_spans_do_in_their_trace() -> None:
    view = shown(read(span("a", took=100), span("b", "a", 25, 50), span("c", "b", 30, 0.001)))
    assert [(row.level, row.x, row.width) for row in view.spans] == [
        (0, 0, 1000),
        (1, 250, 500),
        (2, 300, 3),  # what is there is seen
    ]
    assert [(row.offset_ms, row.duration_ms) for row in view.spans[:2]] == [(0, 100), (25, 50)]
    assert (view.title, view.duration_ms, view.total, view.errors) == ("do a", 100, 3, 0)
    assert (view.earlier, view.later, view.whole, view.notes) == (None, None, None, ())


def test_what_is_odd_about_a_span_is_said_beside_it() -> None:
    early = Timed(TRACE, "b", "gone", "early", BASE + 5 * MS, BASE, status="error")
    far = span("c", "a", start=-3_600_000, took=1)
    timeless = Timed(TRACE, "d", "a", "timeless", None, None)
    view = shown(read(span("a"), early, far, timeless, services="aaba"))
    notes = {row.id: row.notes for row in view.spans}
    assert notes["a"] == ()
    assert notes["b"] == ("its parent is not there", "ended before it began")
    assert notes["c"] == ("moved, as its clock is off",)
    assert notes["d"] == ("without a time",)
    by_id = {row.id: row for row in view.spans}
    assert (by_id["d"].x, by_id["d"].offset_ms, by_id["d"].duration_ms) == (None, None, None)
    assert (by_id["b"].tone, by_id["b"].duration_ms) == ("bad", 0)
    assert view.notes == (
        "spans whose parent is not there: 1",
        "spans that were moved, since their machine's clock is off: 1",
        "spans that ended before they began, and count as 0 ms: 1",
    )


def test_every_bar_stays_in_its_box() -> None:
    spans = [span(str(n), "0" if n else None, n * 7 % 90, 1 + n % 13) for n in range(60)]
    for row in shown(read(*spans)).spans:
        assert row.x is not None
        assert 0 <= row.x <= 997
        assert 3 <= row.width <= 1000


def test_a_trace_of_a_hundred_thousand_spans_is_bounded_and_says_so() -> None:
    spans = read(*(span(str(n), "0" if n else None, n, 1) for n in range(100_000)))
    view = shown(spans)
    assert (view.total, view.known, len(view.spans)) == (100_000, 5_000, SPANS)
    assert "the first 5000 of 100000 spans are shown" in view.notes
    assert view.later == f"/p/shop/traces/{TRACE}?at={SPANS}"
    assert len(as_json(view)) < 60_000
    later = shown(spans, at=SPANS)
    assert later.spans[0].place == SPANS
    assert later.earlier == f"/p/shop/traces/{TRACE}"
    assert len(shown(spans, all=True).spans) == 5_000
    assert [row.place for row in shown(spans, at=10**6).spans] == [4_999]


def test_one_span_is_shown_with_those_around_it_and_all_that_is_known_of_it() -> None:
    attributes = {"db.system.name": "postgresql", "db.query.text": HOSTILE}
    asked = span("x", None, 500, message="too slow", attributes=attributes, links=[("f" * 32, "e")])
    view = shown(read(*(span(str(n), start=n) for n in range(400)), asked), span="x")
    assert view.chosen is not None
    assert (view.chosen.row.id, view.chosen.message) == ("x", "too slow")
    assert view.chosen.links == (("f" * 32, f"/p/shop/traces/{'f' * 32}?span=e"),)
    told = as_json(view.chosen.node).decode()
    assert "postgresql" in told
    assert view.first > 0
    assert [row.id for row in view.spans if row.chosen] == ["x"]
    assert shown(read(span("a")), span="nothing").chosen is None


def test_logs_of_errors_are_among_those_that_there_is_room_for() -> None:
    lines = [Log(BASE + n * MS, "error" if n > 95 else "info", f"line {n}") for n in range(100)]
    view = shown(read(span("a"), logs=lines))
    assert view.log_count == 100
    bodies = [row.body for row in view.logs]
    assert bodies == [*(f"line {n}" for n in range(16)), *(f"line {n}" for n in range(96, 100))]
    assert (view.logs[-1].offset_ms, view.logs[-1].tone) == (99, "bad")
    assert view.whole is not None
    assert len(shown(read(span("a"), logs=lines), all=True).logs) == 100


def test_crashes_and_users_of_a_trace_lead_on() -> None:
    mine, theirs = crash("b"), crash(owner=WEB)
    view = shown(read(span("a"), span("b", "a")), [mine, theirs])
    assert [(row.title, row.project, row.user) for row in view.crashes] == [
        ("PayError: declined", "", "ann"),
        ("PayError: declined", "web", "ann"),
    ]
    assert view.crashes[0].href == f"/o/{mine.id}"
    assert view.crashes[0].span_href == f"/p/shop/traces/{TRACE}?span=b"
    (ann,) = view.users
    assert (ann.href, ann.traces_href) == ("/p/shop/users/ann", "/p/shop/traces?user=ann")
    assert view.crashes[1].user_href == "/p/web/users/ann"


def test_a_trace_of_crashes_alone_has_a_page() -> None:
    view = shown(Spans(TRACE), [crash()])
    assert (view.title, view.spans, view.started_at) == (f"Trace {TRACE}", (), None)
    assert len(view.crashes) == 1


def test_hostile_spans_are_no_markup_in_any_twin() -> None:
    found = read(Timed(TRACE, "a", None, f"=cmd {HOSTILE}" * 50, BASE, BASE), services="x")
    view = shown(found, [crash()])
    assert len(view.spans[0].name) == 200
    assert orjson.loads(as_json(view))["spans"][0]["name"].startswith("=cmd")
    assert "<script>" not in as_markdown(view)
    assert "'=cmd" in as_csv(view, "spans")


def test_the_trace_on_a_crash_page() -> None:
    done = Transaction(
        new_id(now_ms()), 1, "shop", UUID(TRACE), "a", "api", "production", "4.2", "POST /pay",
        "http.server", datetime.now(UTC), 12.5, True, "ann",
    )  # fmt: skip
    mine, other = crash("b"), crash()
    at_hand = replace(event(type_name="crash", span_id="b"), id=mine.id)
    section = trace_section(at_hand, TRACE, [done] * 9, [mine, other])
    assert section.href == f"/p/shop/traces/{TRACE}?span=b"
    assert (len(section.transactions), section.more_transactions) == (8, True)
    assert section.transactions[0].href == f"/p/shop/traces/{TRACE}?span=a"
    assert [row.href for row in section.crashes] == [f"/o/{other.id}"]


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0, "0 ms"),
        (0.004, "0 ms"),
        (0.35, "0.35 ms"),
        (4.25, "4.25 ms"),
        (12.34, "12.3 ms"),
        (350.4, "350 ms"),
        (999.7, "1 s"),
        (2_500, "2.5 s"),
    ],
)
def test_milliseconds(amount: float, told: str) -> None:
    assert milliseconds(amount) == told


@pytest.mark.parametrize(
    ("hours", "minutes"), [(1, 2), (6, 10), (24, 60), (168, 360), (336, 720), (24 * 400, 20_160)]
)
def test_a_chart_has_a_bounded_number_of_points(hours: int, minutes: int) -> None:
    assert step_of(timedelta(hours=hours)) == minutes


def distribution_of(*values: float) -> Distribution:
    """As SQL keeps it: bins by the library's mapping, from 2,000 on."""
    bins = Counter(_MAPPING.key(value) + _OFFSET if value else 0 for value in values)
    return Distribution(len(values), sum(values), min(values), max(values), Counter(bins))


def total(groups: tuple[str | None, ...], *values: float, at: datetime = NOON) -> Sum:
    return Sum(groups, at, distribution_of(*values))


def period(hours: int = 1, every: int = 2) -> Period:
    return Period(NOON, NOON + timedelta(hours=hours), hours, every, {})


def asked(**given: Any) -> dict[str, Any]:
    wanted = {"service": None, "environment": None, "apdex_ms": 500.0, "kind": None}
    return {**wanted, "sort": "total", **given}


OPERATIONS = [
    total(("GET /a", "api", "http.server", "ok"), *[100.0] * 8),
    total(("GET /a", "api", "http.server", "error"), 1_000, 3_000),
    total(("SELECT 1", "api", "db", "ok"), *[5.0] * 40),
    total(("GET x", "api", "http.client", "ok"), 50),
    total(("think", None, "internal", "unset"), 1),
    total(("other", "api", "http.server", "ok"), 20),
]
ENTERED = [
    total(("api", "prod", "ok"), *[100.0] * 8, 20),
    total(("api", "prod", "error"), 1_000, 3_000),
]


def apm_page(**given: Any) -> ApmView:
    minutes = int(NOON.timestamp() // 60)
    timed = [
        total(("ok",), 10, 20, at=NOON + timedelta(minutes=4)),
        total(("error",), 400, at=NOON + timedelta(minutes=4)),
    ]
    wanted = asked(**given)
    chosen = shown_of(ranked(OPERATIONS, wanted["sort"]), wanted["kind"])
    whole = Whole(
        Span(minutes, minutes + 60, 1 << 30),
        ENTERED,
        OPERATIONS,
        [one for one in OPERATIONS if one.groups[:3] in chosen],
    )
    found = Found(whole, timed, {"service": ["api", "web"]})
    return apm_view(SHOP, period(), wanted, found, limit_of(Limited(0, None)))


def test_of_operations_the_first_of_each_table_are_read_whole() -> None:
    many = [
        total((f"op {number}", None, category, "ok"), number)
        for number in range(1, 60)
        for category in ("db", "http.server", "cache")
    ]
    ordered = ranked(many, "total")
    assert ordered[0] == ("op 59", None, "db")
    assert len(shown_of(ordered, None)) == 12 + 8
    assert len(shown_of(ordered, "queries")) == 50
    assert shown_of(ordered, "calls") == []


def test_the_whole_of_it_is_what_entered() -> None:
    view = apm_page()
    assert view.whole is not None
    assert (view.whole.count, view.whole.errors) == (11, 2)
    assert view.whole.per_minute == pytest.approx(11 / 60)
    assert view.whole.p50_ms == pytest.approx(100, rel=0.02)
    # nine are satisfied, one tolerates a second, one does not: and both failed
    assert view.whole.apdex == pytest.approx((9 + 0.5 - 2) / 11)
    (api,) = view.services
    assert (api.service, api.count, api.href) == (
        "api",
        11,
        "/p/shop/apm?service=api&environment=prod",
    )
    assert view.known["service"] == (("", "all"), ("api", "api"), ("web", "web"))


def test_operations_stand_in_tables_by_what_they_are() -> None:
    view = apm_page(sort="p95")
    assert [(kind.name, kind.found) for kind in view.kinds] == [
        ("requests", 2),
        ("queries", 1),
        ("calls", 1),
        ("rest", 1),
    ]
    assert [row.operation for row in view.operations] == [
        "GET /a",
        "other",
        "SELECT 1",
        "GET x",
        "think",
    ]
    assert [row.other for row in view.operations[:2]] == [False, True]
    assert view.operations[0].href == "/p/shop/apm/GET%20/a?service=api&category=http.server"
    assert sum(row.time_share or 0 for row in view.operations) == pytest.approx(1)
    only = apm_page(kind="queries")
    assert [row.operation for row in only.operations] == ["SELECT 1"]
    assert only.periods[0].href == "/p/shop/apm?kind=queries&hours=1"


def test_charts_of_work_have_a_point_for_each_step() -> None:
    view = apm_page()
    assert len(view.throughput.labels) == 30
    well, failed = view.throughput.series
    assert (well.values[2], failed.values[2], sum(well.values)) == (2, 1, 2)  # type: ignore[arg-type]
    assert view.throughput.sentence.startswith("3 requests and jobs, 1 of them failed; at most 3")
    assert view.durations.series[0].values[0] is None
    assert view.durations.series[0].values[2] == pytest.approx(20, rel=0.02)


def test_a_project_without_spans_has_a_page() -> None:
    found = Found(Whole(Span(0, 60, 1 << 30), (), (), ()), [], {})
    view = apm_view(SHOP, period(), asked(), found, limit_of(Limited(3, NOON), [0] * 5_000))
    assert (view.whole, view.services, view.kinds) == (None, (), ())
    assert view.durations.sentence == "Nothing was timed in this period."
    assert (view.limit.times, view.limit.cut) == (3, True)


def test_work_that_was_not_told_is_not_none() -> None:
    view = apm_view(SHOP, period(), asked(), Found(None, None, {}), limit_of(Limited(0, None)))
    assert (view.told, view.whole, view.throughput, view.durations) == (False, None, None, None)


def test_an_operation_is_told_with_its_histogram() -> None:
    sums = [total(("ok",), *[3.0] * 6, 40), total(("error",), 900)]
    wanted = {**asked(), "category": "db"}
    view = operation_view(
        SHOP, "SELECT 1", period(), wanted, (Span(0, 60, 1), sums), sums, Examples((), ())
    )
    assert view.whole is not None
    assert (view.whole.count, view.whole.errors) == (8, 1)
    assert view.histogram is not None
    told = dict(zip(view.histogram.labels, view.histogram.series[0].values, strict=True))
    assert told["up to 5 ms"] == 6
    assert told["up to 50 ms"] == told["up to 1 s"] == 1
    assert sum(told.values()) == 8  # type: ignore[arg-type]
    assert view.histogram.axis == "How long"
    assert view.periods[1].href == "/p/shop/apm/SELECT%201?category=db&hours=6"


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=50))
def test_every_duration_is_in_a_histogram_once(values: list[float]) -> None:
    chart = histogram(distribution_of(*values))
    assert chart is not None
    counts = [value or 0.0 for value in chart.series[0].values]
    assert sum(counts) == len(values)
    assert min(counts) >= 0
    assert len(counts) <= 45


@pytest.mark.parametrize(
    "name",
    ["GET /cart", "a//b", "/", "..", "./x", "~41", "report.json", "x.csv", "tab\t", "ä#?%", " a "],
)
def test_any_name_of_an_operation_has_a_path(name: str) -> None:
    path = links.operation(SHOP, name).removeprefix("/p/shop/apm/")
    assert links.unsegmented(unquote(path)) == name
    assert "//" not in path
    assert not path.endswith((".json", ".csv", ".md"))


def test_a_path_that_no_name_made_names_nothing() -> None:
    assert links.unsegmented("~zz") == links.unsegmented("~ff") == ""


def health(version: str | None, day: int | None, sessions: int, crashed: int = 0) -> Health:
    return Health(
        version, None if day is None else date(2026, 11, day), sessions, crashed, 1, 2, 10, crashed
    )


HEALTH = [
    health("2.0", None, 400, 4),
    health("1.0", None, 100_000, 1),
    health(None, None, 5),
    health("2.0", 29, 300, 4),
    health("1.0", 29, 100),
    health("1.0", 28, 99_900, 1),
]


def test_release_health_tells_shares_and_adoption() -> None:
    view = health_view(SHOP, "sdk", HEALTH, 14)
    assert [(row.version, row.crash_free_sessions, row.adoption) for row in view.rows] == [
        ("2.0", 99.0, 75.0),
        ("1.0", 99.99, 25.0),  # one crashed, so it is not all
        ("", 100.0, 0.0),
    ]
    assert (view.from_rum, view.rows[2].href) == (False, "")
    assert health_view(SHOP, "rum", [], 14).from_rum


def test_one_version_s_health_is_told_by_day() -> None:
    told = version_health(SHOP, "sdk", HEALTH, "1.0", date(2026, 11, 29), 3)
    assert told is not None
    assert told.chart.labels == ("2026-11-27", "2026-11-28", "2026-11-29")
    assert [series.values for series in told.chart.series] == [
        (0.0, 99_899.0, 100.0),
        (0.0, 1.0, 0.0),
    ]
    assert version_health(SHOP, "sdk", HEALTH, "9", date(2026, 11, 29), 3) is None


def test_hosts_tell_their_telling_levels_first() -> None:
    level = {"mean": 0.5}
    names = ["zeta", "system.memory.usage", "a", "b", "c", "process.cpu.time"]
    found = [
        {"host": "web-1", "services": ["api"], "last_at": "2026-11-29T12:00:00Z",
         "levels": [{**level, "name": name} for name in names]},
        {"host": "web-2", "services": [], "last_at": "2026-11-29T12:05:00Z", "levels": []},
    ]  # fmt: skip
    rows = host_rows(SHOP, found, {"a": "By"}, {"hours": 6})
    assert [row.host for row in rows] == ["web-2", "web-1"]
    assert [one.name for one in rows[1].levels] == [
        "process.cpu.time",
        "system.memory.usage",
        "a",
        "b",
        "c",
    ]
    assert (rows[1].more, rows[1].levels[2].unit) == (1, "By")
    assert rows[1].href == "/p/shop/host?name=web-1&hours=6"


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        ("1", ""),
        (None, ""),
        ("By", "By"),
        ("{request}", "request"),
        ("{a}/{b}", "{a}/{b}"),
        ("{", "{"),
    ],
)
def test_units_are_shown_without_remarks(unit: str | None, shown: str) -> None:
    assert unit_of(Known("m", "gauge", unit, False, 1)) == shown


def metric_page(kind: str, sums: list[Sum], **given: Any) -> MetricView:
    wanted = {"by": None, "label": None, **given}
    known = Known("queue.length", kind, "1", False, 3)
    limit = limit_of(Limited(0, None), sums)
    return metric_view(SHOP, known, wanted, period(), sums, {"host": ["a", "b"]}, limit)


def test_a_metric_is_drawn_by_its_kind() -> None:
    sums = [total((), 1, 3), total((), 9, at=NOON + timedelta(minutes=2))]
    (levels,) = metric_page("gauge", sums).charts
    assert (levels.kind, levels.series[0].values[:3]) == ("line", (2.0, 9.0, None))
    (amounts,) = metric_page("counter", sums).charts
    assert (amounts.kind, amounts.series[0].values[:3]) == ("bars", (4.0, 9.0, 0.0))
    quantiles, counts = metric_page("distribution", sums).charts
    assert [series.name for series in quantiles.series] == ["p50", "p95", "p99"]
    assert counts.series[0].values[:2] == (2, 1)
    view = metric_page("gauge", sums)
    assert (view.unit, view.labels) == ("", (("host", "host (2)"),))
    (row,) = view.rows
    assert (row.count, row.total, row.least, row.most) == (3, 13, 1, 9)


def test_a_metric_by_a_label_draws_the_largest_and_says_of_how_many() -> None:
    sums = [total((f"h{n}",), *[float(n)] * (n + 1)) for n in range(30)]
    view = metric_page("gauge", [*sums, total((None,), 1)], by="host")
    assert (view.found, view.drawn, len(view.rows)) == (31, 4, 20)
    assert [row.value for row in view.rows[:2]] == ["h29", "h28"]
    assert view.rows[0].href == "/p/shop/metric?name=queue.length&label=host%3Ah29"
    assert len(view.charts[0].series) == 4
    assert metric_page("gauge", [], by="host").charts == ()


def test_a_name_with_a_value_in_it_is_no_markup() -> None:
    view = metric_page("gauge", [total((f"{HOSTILE}\n",), 1)], by="host")
    assert "<script>" not in as_markdown(view)


def test_what_takes_too_long_leaves_a_gap_that_says_so() -> None:
    def outlasts() -> list[Sum]:
        raise StoreDown("sql", "canceling statement due to statement timeout")

    gaps = Gaps()
    assert gaps.fill("services", outlasts, None, TOO_LONG) is None
    (gap,) = gaps.found()
    assert (gap.part, gap.store, gap.why) == ("services", "PostgreSQL", TOO_LONG)


def test_who_met_a_crash_leads_to_their_sessions_and_traces_about_that_time() -> None:
    at = UUID("0197d0a0-0000-7000-8000-000000000000")
    person = person_of(SHOP, at, {"user": {"email": "ann@example.com"}})
    assert person is not None
    assert person.href == "/p/shop/users/ann%40example.com"
    assert person.sessions_href.startswith("/p/shop/sessions?q=user%3A")
    assert "from=" in person.traces_href
    for user in ({}, {"identifier": "x" * 201}, {"identifier": HOSTILE}, {"identifier": "\ud800"}):
        assert person_of(SHOP, at, {"user": user}) is None
