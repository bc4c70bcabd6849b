"""The query language: what it understands, what it refuses, and where it points."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.versions import ordering
from storage.query.parse import MAX_QUERY_CHARS, MAX_TERMS, QueryError, Term, parse_query
from storage.query.spans import Span
from storage.search.compile import compile_query
from storage.sql.group_filter import GroupFilter

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("   \t\n", ()),
        ("timeout", (Term(None, "timeout"),)),
        ("two words", (Term(None, "two"), Term(None, "words"))),
        ('"two words"', (Term(None, "two words"),)),
        (r'"say \"hi\" \\"', (Term(None, 'say "hi" \\'),)),
        ("class:KeyError", (Term("class", "KeyError"),)),
        ("CLASS:KeyError", (Term("class", "KeyError"),)),
        ('message:"not found"', (Term("message", "not found"),)),
        ("-tag:beta", (Term("tag", "beta", negated=True),)),
        ('-"not found"', (Term(None, "not found", negated=True),)),
        ("--x", (Term(None, "-x", negated=True),)),
        ("a-b", (Term(None, "a-b"),)),
        ("- x", (Term(None, "-"), Term(None, "x"))),
        ("version:1.2*", (Term("version", "1.2", prefix=True),)),
        ("*", (Term(None, "*"),)),
        ("user:*", (Term("user", "", prefix=True),)),
        ('class:"*"', (Term("class", "*"),)),
        ("http://shop.example/x?y=1", (Term(None, "http://shop.example/x?y=1"),)),
        ("std::vector", (Term(None, "std::vector"),)),
        (r"C:\temp", (Term(None, r"C:\temp"),)),
        ("url:/checkout", (Term("url", "/checkout"),)),
        ("TypeError: x", (Term(None, "TypeError:"), Term(None, "x"))),
        ("app.py:42", (Term(None, "app.py:42"),)),
        ("class:a:b", (Term("class", "a:b"),)),
        ("(a OR b)", (Term(None, "(a"), Term(None, "OR"), Term(None, "b)"))),
        ("tag:☃ 中文", (Term("tag", "☃"), Term(None, "中文"))),
        ("nul\0here", (Term(None, "nul␀here"),)),
    ],
)
def test_understands(text: str, terms: tuple[Term, ...]) -> None:
    assert parse_query(text).terms == terms


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ('fine "never closed', 5, "not closed"),
        ("fine colour:red", 5, "unknown key 'colour'"),
        ("fine -colour:red", 6, "unknown key 'colour'"),
        ("fine class:*Error", 11, "* stands at the end"),
        ("message: something", 0, "needs a value"),
        ("x " * 40, 2 * MAX_TERMS, "at most 30 conditions"),
        ("x" * (MAX_QUERY_CHARS + 1), MAX_QUERY_CHARS, "at most 1000 characters"),
    ],
)
def test_refuses_and_points(text: str, position: int, part: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert caught.value.position == position
    assert part in caught.value.message


@given(st.text(max_size=300))
def test_any_text_is_understood_or_refused_at_a_character_of_it(text: str) -> None:
    position = 0
    try:
        compile_query(parse_query(text), NOW).to_dict()
    except QueryError as exc:
        position = exc.position
    assert 0 <= position <= len(text)


def test_values_are_parameters() -> None:
    hostile = parse_query('message:"* OR _exists_:id" class:")}]*"')
    built = compile_query(hostile, NOW).to_dict()["bool"]["filter"]
    assert built[0]["match_phrase"]["message"]["query"] == "* OR _exists_:id"
    assert built[1]["bool"]["should"][0]["term"]["class_name"]["value"] == ")}]*"


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


HOURS = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("!tag:beta", (Term("tag", "beta", negated=True),)),
        ("!important", (Term(None, "!important"),)),
        ("!std::vector", (Term(None, "!std::vector"),)),
        ("release:1.2*", (Term("version", "1.2", prefix=True),)),
        ("has:user", (Term("user", "", prefix=True),)),
        ("!has:env.browser", (Term("env.browser", "", negated=True, prefix=True),)),
        ("Env.osVersion:10", (Term("env.osVersion", "10"),)),
        ("custom.a-b.c:x*", (Term("custom.a-b.c", "x", prefix=True),)),
        ("app.py:42", (Term(None, "app.py:42"),)),
        ("class:[a,b]", (Term("class", "[a,b]"),)),
        ('"[1,2]" [1,2]', (Term(None, "[1,2]"), Term(None, "[1,2]"))),
        ("is:New", (Term("is", "new"),)),
        ("assigned:me", (Term("assigned", "me"),)),
        ("count:10", (Term("count", "10", span=Span(10, 10)),)),
        ("count:>10", (Term("count", ">10", span=Span(low=10, low_open=True)),)),
        ("users:[5, 50]", (Term("users", "[5, 50]", span=Span(5, 50)),)),
        ("users:[,50]", (Term("users", "[,50]", span=Span(None, 50)),)),
        ("seen:<24h", (Term("seen", "<24h", span=Span(low=24 * HOURS)),)),
        ("seen:24h", (Term("seen", "24h", span=Span(low=24 * HOURS)),)),
        ("seen:>7d", (Term("seen", ">7d", span=Span(high=7 * 24 * HOURS)),)),
        ("first:>2026-01-30", (Term("first", ">2026-01-30", span=Span(low=day(31))),)),
        (
            "first:2026-01-30",
            (Term("first", "2026-01-30", span=Span(day(30), day(31), high_open=True)),),
        ),
        (
            "first:[2026-01-01,2026-01-30]",
            (
                Term(
                    "first",
                    "[2026-01-01,2026-01-30]",
                    span=Span(day(1), day(31), high_open=True),
                ),
            ),
        ),
        (
            "first:<=2026-01-30T10:00+02:00",
            (
                Term(
                    "first",
                    "<=2026-01-30T10:00+02:00",
                    span=Span(high=day(30) + 8 * HOURS),
                ),
            ),
        ),
        (
            "release:[1.2,2.0]",
            (Term("version", "[1.2,2.0]", span=Span(ordering("1.2"), ordering("2.0"))),),
        ),
        ('release:">1"', (Term("version", ">1"),)),
        ("release:1.2.3", (Term("version", "1.2.3"),)),
    ],
)
def test_understands_groups(text: str, terms: tuple[Term, ...]) -> None:
    assert parse_query(text, "groups").terms == terms


@pytest.mark.parametrize(
    ("text", "side", "position", "part"),
    [
        ("fine count:>10", "events", 5, "asked of groups"),
        ("is:new", "events", 0, "asked of groups"),
        ("fine is:newish", "groups", 8, "is knows new, open"),
        ("count:many", "groups", 6, "'many' is no whole number"),
        ("count:>", "groups", 6, "a value must follow"),
        ("count:[1,x]", "groups", 6, "no whole number"),
        (f"count:{10**30}", "groups", 6, "no whole number"),
        ("seen:<yesterday", "groups", 5, "'yesterday' is no time"),
        ("seen:0000-01-01", "groups", 5, "no time"),
        ("seen:1969-01-01", "groups", 5, "years 1970 to 9998"),
        ("release:>nightly", "groups", 8, "has no order"),
        ("env:x", "groups", 0, "needs a name after a dot"),
        ("has:count", "groups", 4, "every event and group has count"),
        ("has:colour", "groups", 4, "unknown key 'colour'"),
        ("has:is", "events", 4, "asked of groups"),
        ("number:1.5", "groups", 7, "no whole number"),
        ("custom.a:b*c", "groups", 10, "* stands at the end"),
    ],
)
def test_refuses_groups_and_points(text: str, side: Any, position: int, part: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text, side)
    assert part in caught.value.message
    assert caught.value.position == position


@given(st.text(alphabet='isacountfree:.-!*[]<>=,"0123456789 ', max_size=60))
def test_any_query_of_groups_is_understood_or_refused_at_a_character_of_it(text: str) -> None:
    position = 0
    try:
        own, searched = parse_query(text, "groups").parts()
        GroupFilter(NOW, 7, own, me="ann").conditions()
        compile_query(searched, NOW).to_dict()
    except QueryError as exc:
        position = exc.position
    assert 0 <= position <= len(text)


def test_a_query_of_groups_is_split_by_who_can_answer_it() -> None:
    own, searched = parse_query("is:open cart env.os:x !url:/pay seen:<1h", "groups").parts()
    assert [term.key for term in own.terms] == ["is", None, "seen"]
    assert [term.key for term in searched.terms] == ["env.os", "url"]


def test_compared_values_are_ranges() -> None:
    parsed = parse_query("seen:<24h !release:[1.2,2.0]")
    built = compile_query(parsed, NOW).to_dict()["bool"]
    assert built["filter"] == [{"range": {"received_at": {"gte": "2026-11-19T12:00:00.000Z"}}}]
    limits = {"gte": ordering("1.2"), "lte": ordering("2.0")}
    assert built["must_not"] == [{"range": {"version_order": limits}}]


def test_values_of_groups_are_parameters() -> None:
    hostile = '\'; -- assigned:"\') OR 1" release:"x\' --" 100%_'
    text, values = GroupFilter(NOW, 7, parse_query(hostile, "groups")).conditions()
    assert "OR 1" not in text
    assert "--" not in text
    assert "') OR 1" in values
    assert "%100\\%\\_%" in values
