"""What pages say of groups: forms, facets, trends, history, and the room that texts may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.dashboard import charts
from app.dashboard.room import Room, fitting, weight
from app.dashboard.triage.deciding import DECISIONS, DecisionForm, decision_of
from app.dashboard.triage.facets import facets_view
from app.dashboard.triage.telling import outcome, telling
from app.dashboard.triage.trend import sentence_of, trend_chart
from app.errors import ApiError
from events.unusual import Counted, Unusual
from storage.query.parse import parse_query, quoted
from storage.search.facets import Facets
from storage.sql.group_history import HistoryEntry
from storage.sql.release_list import Mark
from storage.sql.trends import window_until
from storage.triage import VERBS, TriageAction
from workbench.group_facets import GroupFacets

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
ID = UUID("019ab000-0000-7000-8000-000000000000")


def form(**given: str) -> dict[str, Any]:
    return dict(DecisionForm().load(given))


@pytest.mark.parametrize(
    ("given", "verb", "says"),
    [
        ({"do": "resolve", "version": "2", "count": "5"}, "resolve", {}),
        ({"do": "resolve_in", "version": " 2.0 "}, "resolve", {"version": "2.0"}),
        ({"do": "resolve_next"}, "resolve", {"next": True}),
        ({"do": "ignore", "users": "9"}, "ignore", {}),
        ({"do": "ignore_until", "users": "9"}, "ignore", {"users": 9}),
        ({"do": "ignore_until", "term": "1d"}, "ignore", {"until": NOW + timedelta(days=1)}),
        ({"do": "take"}, "assign", {"assignee": "me"}),
        ({"do": "assign", "assignee": "ann"}, "assign", {"assignee": "ann"}),
        ({"do": "unassign", "assignee": "ann"}, "assign", {}),
        ({"do": "discard", "reason": "noise"}, "discard", {"reason": "noise"}),
    ],
)
def test_a_button_takes_the_fields_that_are_its_own(
    given: dict[str, str], verb: str, says: dict[str, Any]
) -> None:
    found, arguments = decision_of(form(**given), NOW)
    told = {k: v for k, v in arguments.items() if v not in (None, "", False) and v is not False}
    assert (found, told) == (verb, says)


@pytest.mark.parametrize("do", ["resolve_in", "ignore_until", "assign"])
def test_a_button_without_its_field_is_told(do: str) -> None:
    with pytest.raises(ApiError, match="say"):
        decision_of(form(do=do), NOW)


def test_every_button_has_a_verb_that_is_known() -> None:
    assert {verb for verb, _ in DECISIONS.values()} <= set(VERBS)


def facets(values: dict[str, dict[str, int]], **more: Any) -> GroupFacets:
    given: dict[str, Any] = {"more": {}, "sampled": 1.0, "unusual": (), "other": 1.0, **more}
    counted = Counted(40, values)
    return GroupFacets(
        Facets(counted, given["more"], given["sampled"]), given["unusual"], given["other"]
    )


def test_facets_have_shares_and_lead_to_their_occurrences() -> None:
    counts = {f"Plan {n}": 10 - n for n in range(8)}
    found = facets_view(facets({"os": counts}, more={"os": 2}), lambda query: f"/x?{query}")
    (os,) = found.facets
    assert (os.label, len(os.values), os.more) == ("System", 5, sum((5, 4, 3)) + 2)
    assert (os.values[0].share, os.values[0].href) == ("25 %", '/x?os:"Plan 0"')
    assert found.told == "Of 40 occurrences that search knows."


def test_what_is_unusual_is_told_by_its_counts() -> None:
    one = Unusual("browser", "Firefox 9", 34, 40, 12, 400)
    found = facets_view(facets({"os": {"x": 40}}, unusual=(one,), sampled=0.1), str)
    (told,) = found.unusual
    assert (told.here, told.elsewhere) == ("34 of 40 (85 %)", "12 of 400 (3 %)")
    assert found.told.startswith("Of a random sample of 40")
    assert "not counted in time" in facets_view(facets({}, other=None), str).told


def test_facets_of_any_value_stay_small() -> None:
    hostile = {f"<{'&' * 98}{n}": 1 for n in range(5)}
    found = facets_view(facets(dict.fromkeys(("os", "device", "arch"), hostile)), str)
    shown = [one for facet in found.facets for one in facet.values]
    assert sum(weight(one.value) + weight(one.href) for one in shown) < 6_000
    assert sum(facet.more for facet in found.facets) == 15 - len(shown)


@pytest.mark.parametrize("value", ["a", 'say "x"', "back\\slash", '\\"', "a:b c", "*", "[1,2]"])
def test_a_value_is_found_as_it_is(value: str) -> None:
    (term,) = parse_query(f"os:{quoted(value)}").terms
    assert (term.key, term.value, term.prefix) == ("os", value, False)


def action(verb: str, counts: dict[str, int], **options: Any) -> TriageAction:
    return TriageAction(
        ID, NOW, 1, "shop", "ann", verb, options, None, "finished", NOW, None, counts
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (action("resolve", {"done": 2}, version="2.0"), "Resolved 2 groups in version 2.0."),
        (action("assign", {"done": 1}), "Assigned 1 group to nobody."),
        (action("split", {"done": 1}), "Split off 1 fingerprint."),
        (
            action("ignore", {"done": 1_000, "waiting": 9, "skipped": 1}),
            "Ignored 1,000 groups for ever. 9 groups more are under way."
            " 1 group left out, which changed meanwhile.",
        ),
    ],
)
def test_a_decision_is_told_when_it_is_done(made: TriageAction, said: str) -> None:
    assert outcome(made) == said


@pytest.mark.parametrize(
    ("what", "detail", "said"),
    [
        ("resolved", {}, "resolved it"),
        ("resolved", {"version": "2", "after": True}, "resolved it after 2"),
        ("regressed", {"version": "3", "resolved_in": "2"}, "it came back in 3, resolved in 2"),
        ("ignored", {"until": "2026-12-01T10:00:00+00:00", "count": 5}, "ignored it until"),
        ("merged", {"numbers": [3, 4]}, "merged #3, #4 into it"),
        ("assigned", {"assignee": None}, "gave it to nobody"),
        ("of a later version", {}, "of a later version"),
    ],
)
def test_history_is_told_in_sentences(what: str, detail: dict[str, Any], said: str) -> None:
    told = telling(HistoryEntry(7, ID, NOW, "ann", what, detail, None), "ann")
    assert told.what.startswith(said)
    assert (told.who, told.id) == ("ann", None)


def test_a_comment_is_taken_back_by_its_author_alone() -> None:
    entry = HistoryEntry(7, ID, NOW, "ann", "commented", {"text": "hm"}, None)
    assert (telling(entry, "ann").id, telling(entry, "bob").id) == (7, None)
    gone = HistoryEntry(7, ID, NOW, "ann", "commented", {"taken_back": True}, None)
    assert (telling(gone, "ann").id, telling(gone, "ann").comment) == (None, "")


def test_a_trend_has_its_last_versions_apart_and_releases_marked() -> None:
    window = window_until(NOW, 3, 24)
    counts = {f"1.{n}": [n, 0, 1] for n in (4, 3, 2, 1)} | {"": [1, 1, 1]}
    chart = trend_chart(window, counts, [Mark("1.4", window.start + timedelta(hours=30))])
    assert [one.name for one in chart.series] == ["1.4", "1.3", "1.2", "earlier versions"]
    assert chart.series[-1].values == (2.0, 1.0, 2.0)
    assert [(mark.at, mark.text) for mark in chart.marks] == [(1, "1.4")]
    assert chart.labels == ("2026-11-27", "2026-11-28", "2026-11-29")
    assert chart.sentence.startswith("17 occurrences since 2026-11-27, at most 11 in a day")
    assert trend_chart(window, {}, []).series[0].values == (0.0, 0.0, 0.0)


def test_a_small_chart_is_short_and_shows_what_is_there() -> None:
    assert charts.outline_path([0, 0]) == "M0 24h48h48V24z"
    assert charts.outline_path([1, 1000, 0]) == "M0 24v-2h32v-22h32v24h32V24z"
    assert len(charts.outline_path(range(12))) < 100
    assert sentence_of([1, 0, 2], 2) == "3 in the last 6 h, now 2"


def test_room_is_taken_by_what_texts_weigh_and_cut_where_it_ends() -> None:
    room = Room(100)
    assert room.take("x" * 40, around=10)
    assert not room.take("<" * 20)
    assert room.cut("abc") == ("abc", 0)
    shown, hidden = room.cut("&" * 50)
    assert (len(shown) + hidden, weight(shown) <= 47) == (50, True)
    assert Room(10).cut("x" * 100, around=20) == ("", 100)


@pytest.mark.parametrize("text", ["short", "x" * 500, "<" * 500, "\u202e" * 90, "é" * 90, ""])
def test_a_text_in_a_list_fits(text: str) -> None:
    shown = fitting(text, 100)
    assert weight(shown) <= 104
    assert shown == text or shown.endswith("…")
