"""The query language: what it understands, what it refuses, and where it points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.search.compile import compile_query
from storage.search.query import MAX_QUERY_CHARS, MAX_TERMS, QueryError, Term, parse_query


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
        compile_query(parse_query(text)).to_dict()
    except QueryError as exc:
        position = exc.position
    assert 0 <= position <= len(text)


def test_values_are_parameters() -> None:
    hostile = parse_query('message:"* OR _exists_:id" class:")}]*"')
    built = compile_query(hostile).to_dict()["bool"]["filter"]
    assert built[0]["match_phrase"]["message"]["query"] == "* OR _exists_:id"
    assert built[1]["bool"]["should"][0]["term"]["class_name"]["value"] == ")}]*"
