"""What operators' pages and those of real users make of what they are given: no store, no HTML."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest

from app.dashboard import links
from app.dashboard.links import ProjectName
from app.dashboard.pages.letter import diff
from app.dashboard.pages.path_rules import rule_lines
from app.dashboard.pages.queue import flow_chart
from app.dashboard.pages.replays import told_selection
from app.dashboard.pages.rum_page import histogram_chart
from app.dashboard.pages.session import session_view
from app.dashboard.queue_rows import pool_row, queue_row
from app.dashboard.vitals import cell, measured, trend_chart, views_chart, vital_row
from broker.client import QueueState
from broker.flow import Flow, Slice
from broker.pauses import Pause
from broker.pools import Child, Pool, PoolReport
from storage.rum import Bar, Moment, Vital
from storage.session import Attributes, Session, SessionCrash, Step
from storage.sql.projects import Project
from workbench.queueing import QueueView

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHOP = Project(1, "shop", NOW, "0" * 32)


class TestLinks:
    @pytest.mark.parametrize(
        "name", ["a/b", "..", "~7", "x.json", "é", "a b", "a\x00b", "%2F", "?", "a#b", "." * 3]
    )
    def test_a_name_that_others_chose_is_one_segment_and_comes_back(self, name: str) -> None:
        path = links.user(ProjectName(1, "shop"), name)
        prefix, segment = path.rsplit("/", 1)
        assert prefix == "/p/shop/users"
        assert links.unsegmented(unquote(segment)) == name
        assert segment.rpartition(".")[2] not in links.TWINS

    @pytest.mark.parametrize("segment", ["~zz", "~ff", "~0"])
    def test_a_segment_that_is_none_of_ours(self, segment: str) -> None:
        assert links.unsegmented(segment) == ""


def view(
    pause: Pause | None = None, *, ready: int = 0, parked: int = 0, pools: tuple[str, ...] = ()
) -> QueueView:
    state = QueueState("crash.files", ready, 0, parked, ready, None, pause, 0.0)
    return QueueView(state, Flow(), pools, known=True)


class TestQueues:
    @pytest.mark.parametrize(
        ("given", "state"),
        [
            (view(), "empty"),
            (view(ready=3), "nobody"),
            (view(ready=3, pools=("a",)), "works"),
            (view(parked=1), "parked"),
            (view(Pause("flood", "KeyError", None), ready=3), "flood"),
            (view(Pause("outage", "sql", 2.0), ready=3), "store away"),
            (view(Pause("operator", "me", None)), "paused"),
        ],
    )
    def test_what_is_to_be_known_of_it_first(self, given: QueueView, state: str) -> None:
        assert queue_row(given).state == state

    def test_its_flow_leaves_out_the_quarter_minute_that_is_not_over(self) -> None:
        slices = [Slice(NOW + timedelta(seconds=15 * n), n + 1, n) for n in range(5)]
        chart = flow_chart(Flow(slices))
        assert [series.values for series in chart.series] == [(3.0, 7.0), (1.0, 5.0)]
        assert chart.labels == ("12:00:00 UTC", "12:00:30 UTC")
        assert flow_chart(Flow()).labels == ()


def test_a_pool_with_a_task_in_hand() -> None:
    since = int((NOW - timedelta(seconds=9)).timestamp() * 1000)
    child = Child(2, None, "files", "crash.files", 10, since)
    report = PoolReport("a", 1, "prefork", 2, ["crash.files"], "1", since, since, 5, [child])
    row = pool_row(Pool(report, "missing", 99.0, 3), NOW)
    assert (row.tone, row.busy, row.rss_bytes) == ("bad", 1, 5)
    assert row.tasks[0].seconds == 9.0


class TestDiff:
    def test_json_is_compared_by_its_lines(self) -> None:
        lines = list(diff('{"a":1,"b":2}', '{"a": 1, "b": 3}'))
        assert [(line.sign, line.text.strip()) for line in lines if line.sign in "+-"] == [
            ("-", '"b": 2'),
            ("+", '"b": 3'),
        ]

    def test_the_same_json_written_otherwise_is_the_same(self) -> None:
        assert list(diff('{"a":1}', '{ "a": 1 }')) == []

    def test_more_lines_than_may_be_compared(self) -> None:
        assert list(diff("x\n" * 5000, "y")) == []


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ({"status": "open"}, "every open letter"),
        ({"status": "open", "cluster": "c", "project": "shop"}, "cluster:c project:shop"),
        ({"ids": ["1", "2"], "status": "open"}, "2 selected"),
        ({"ids": ["1"]}, "letter 1"),
    ],
)
def test_what_a_replay_was_made_of(selection: dict[str, object], told: str) -> None:
    assert told_selection(selection) == told


def test_rules_are_one_a_line() -> None:
    assert rule_lines(" /a/* \r\n\r\n/b/**\n") == ["/a/*", "/b/**"]


class TestVitals:
    @pytest.mark.parametrize(
        ("name", "value", "shown"),
        [("lcp", 180.4, "180 ms"), ("lcp", 2412.0, "2.4 s"), ("cls", 0.123, "0.12")],
    )
    def test_a_measure(self, name: str, value: float, shown: str) -> None:
        assert measured(name, value) == shown

    def test_a_vital_with_its_samples(self) -> None:
        row = vital_row(Vital("inp", 201.0, 3, 1, 0))
        assert (row.word, row.tone, row.samples) == ("needs work", "warn", 4)
        assert (row.good_up_to, row.poor_above) == ("200 ms", "500 ms")
        none = vital_row(Vital("cls", None, 0, 0, 0))
        assert (none.shown, none.word) == ("none", "no samples")

    def test_a_cell_without_samples_is_empty(self) -> None:
        assert cell("lcp", {}).shown == ""
        assert cell("load", {"load": 900.0}).tone == "plain"
        assert cell("cls", {"cls": 0.3}).tone == "bad"

    def test_trends(self) -> None:
        trend = [
            Moment(NOW + timedelta(hours=n), 10 * n, {"lcp": 1000.0 + n} if n != 1 else {})
            for n in range(4)
        ]
        chart = trend_chart(trend, "lcp")
        assert chart is not None
        assert chart.series[0].values == (1000.0, None, 1002.0, 1003.0)
        assert chart.labels[0] == "12:00 UTC"
        assert trend_chart(trend[:1], "lcp") is None
        views = views_chart(trend)
        assert views is not None
        assert "60 views" in views.sentence
        assert views_chart([]) is None

    def test_a_histogram(self) -> None:
        chart = histogram_chart([Bar(0, 2), Bar(500, 9), Bar(1000, 1)])
        assert chart is not None
        assert "9, took 500 ms" in chart.sentence
        assert histogram_chart([]) is None


def test_a_session_whose_clock_is_wrong_and_whose_crashes_are_unknown() -> None:
    def step(seconds: int, kind: str, request: str | None = None) -> Step:
        at = NOW + timedelta(seconds=seconds)
        late = at + timedelta(hours=3)
        return Step(f"e{seconds}", at, late, kind, "/cart", 12.0, request, {}, [])

    steps = [step(0, "session_start"), step(5, "page", "r1"), step(6, "vital", "r1")]
    session = Session(
        "s1", (1,), Attributes("ann", {"email": "ann@x"}, browser="Chrome"), steps, True
    )
    view = session_view(SHOP, session)
    assert (view.crashes, view.crashes_known, view.more) == (None, False, True)
    assert view.clock_skew_seconds == 3 * 3600
    assert [row.what for row in view.steps] == ["session begins", "page"]
    assert view.about == (("browser", "Chrome"),)
    crash = SessionCrash(
        *("e9", None, "KeyError: x", NOW + timedelta(seconds=5, milliseconds=1)),
        *(NOW + timedelta(hours=3), "ann", None),
    )
    found = Session("s1", (1,), session.attributes, steps, False, [crash])
    shown = session_view(SHOP, found)
    assert [row.what for row in shown.steps] == ["session begins", "page", "crash"]
    assert shown.steps[2].linked_by == "user and time"
