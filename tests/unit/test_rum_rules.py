"""Ratings, movers and timelines: what pages of real users show, decided without any store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.rum import PageRow, Vital, rating_of, worst_movers
from storage.search.rum.page import resource_rows
from storage.session import Attributes, Session, SessionCrash, Span, Step, link_of, timeline

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "rating"),
    [
        ("lcp", 2500, "good"),
        ("lcp", 2501, "needs"),
        ("lcp", 4000, "needs"),
        ("lcp", 4001, "poor"),
        ("inp", 200, "good"),
        ("cls", 0.1, "good"),
        ("cls", 0.25, "needs"),
        ("cls", 0.26, "poor"),
        ("ttfb", 801, "needs"),
    ],
)
def test_ratings(name: str, value: float, rating: str) -> None:
    assert rating_of(name, value) == rating


def test_a_vital_without_samples_has_no_rating() -> None:
    assert Vital("lcp", None, 0, 0, 0).rating is None
    assert Vital("lcp", 100.0, 1, 0, 0).samples == 1


def row(page: str, now: dict[str, float], before: dict[str, float], samples: int = 50) -> PageRow:
    names = {*now, *before}
    return PageRow(page, False, 1, 1, now, before, dict.fromkeys(names, (samples, samples)))


def test_movers_are_told_by_what_grew_most() -> None:
    rows = [
        row("/a", {"lcp": 2000, "load": 9000}, {"lcp": 1000, "load": 3000}),
        row("/b", {"lcp": 1050}, {"lcp": 1000}),
        row("/c", {"lcp": 500}, {"lcp": 1000}),
        row("/d", {"lcp": 9000}, {"lcp": 1000}, samples=19),
        row("/e", {"lcp": 9000}, {}),
        row("/f", {"cls": 0.2}, {"cls": 0.0}),
        row("/g", {"lcp": 1500}, {"lcp": 1000}),
    ]
    assert [(one.page, one.measure, one.change) for one in worst_movers(rows)] == [
        ("/a", "load", 2.0),
        ("/g", "lcp", 0.5),
    ]


def step(kind: str, minutes: float, request: str | None = None, **more: Any) -> Step:
    at = NOON + timedelta(minutes=minutes)
    fields = {"path": "/", "duration_ms": None, "vitals": {}, "resources": []}
    return Step(
        event_id=f"{kind}-{minutes}",
        at=at,
        received_at=at,
        kind=kind,
        request_id=request,
        **{**fields, **more},
    )


def crash(minutes: float, user: str | None = "ann", session: str | None = None) -> SessionCrash:
    at = NOON + timedelta(minutes=minutes)
    return SessionCrash(f"crash-{minutes}", None, "boom", at, at, user, session)


SPAN = Span(NOON, NOON + timedelta(minutes=10))


@pytest.mark.parametrize(
    ("found", "linked"),
    [
        (crash(5), "user and time"),
        (crash(-0.5), "user and time"),
        (crash(-2), None),
        (crash(40), "user and time"),
        (crash(41), None),
        (crash(5, user="bob"), None),
        (crash(5, user=None), None),
        (crash(500, user="bob", session="S1"), "session"),
        (crash(5, session="other"), None),
    ],
)
def test_which_crashes_are_a_session_s(found: SessionCrash, linked: str | None) -> None:
    assert link_of(found, "s1", "ann", SPAN) == linked


def test_without_a_user_only_the_session_s_name_links() -> None:
    assert link_of(crash(5, user=None), "s1", None, SPAN) is None


def test_a_timeline_tells_a_view_with_what_happened_in_it() -> None:
    entries = timeline(
        [
            step("vital", 1.5, "r1", vitals={"lcp": 900}),
            step("vital", 1.6, "r1", vitals={"lcp": 950, "cls": 0.1}),
            step("page", 1, "r1", vitals={}),
            step("session_start", 0),
            step("xhr", 2, "r1"),
            step("custom", 3, "gone"),
            step("virtual_page", 20, "r1"),
        ],
        [crash(2.5)],
    )
    told = [(entry.step.kind if entry.step else "crash", len(entry.inside)) for entry in entries]
    assert told == [
        ("session_start", 0),
        ("page", 3),
        ("crash", 0),
        ("custom", 0),
        ("virtual_page", 0),
    ]
    assert entries[1].vitals == {"lcp": 950, "cls": 0.1}
    assert [entry.pause for entry in entries] == [None, None, None, None, timedelta(minutes=17)]


def test_a_session_tells_of_a_wrong_clock() -> None:
    steps = [
        Step("a", NOON, NOON + timedelta(hours=2), "page", "/", None, None, {}, []),
        Step("b", NOON, NOON + timedelta(hours=2, seconds=3), "page", "/", None, None, {}, []),
    ]
    session = Session("s1", (1,), Attributes(), steps, more=False)
    assert session.clock_skew == timedelta(hours=2, seconds=2)
    assert not session.has_start
    right = Session("s1", (1,), Attributes(), [step("session_start", 0)], more=False)
    assert right.clock_skew is None
    assert right.has_start


def test_resources_of_sampled_views() -> None:
    rows = resource_rows(
        [
            ["xhr\t100\t1\t10\t500\t/api?x=1", "asset\t5\t\t\t\t/a.js"],
            ["xhr\t300\t1\t30\t200\t/api?x=2", "broken"],
            [],
        ]
    )
    assert [(one.kind, one.name, one.count, one.failed) for one in rows] == [
        ("xhr", "/api", 2, 1),
        ("asset", "/a.js", 1, 0),
    ]
    assert (rows[0].median_ms, rows[0].p75_ms, rows[0].slowest_ms) == (200, 250, 300)
    assert rows[1].bytes is None
