from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from events.fields import integer, real, truth
from events.text import as_text, clip, first_line, storable


def test_nul_and_lone_surrogates_are_made_visible() -> None:
    assert storable("a\0b") == "a␀b"
    assert storable("a\ud83db") == "a\ufffdb"
    assert storable("\ud83d\ude00") == "😀"
    assert storable("naïve 😀") == "naïve 😀"


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_becomes_storable(text: str) -> None:
    stored = storable(text)
    stored.encode()
    assert "\0" not in stored
    assert storable(stored) == stored


def test_a_cut_shows() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"


def test_text_of_what_is_no_text() -> None:
    assert [as_text(v, 9) for v in ("", None, True, [], {}, 12, 1.5)] == [None] * 5 + ["12", "1.5"]


def test_first_line() -> None:
    assert first_line("\n  one \r\n two") == "one"
    assert first_line("") == ""


def test_numbers_from_loose_values() -> None:
    assert [integer(v) for v in ("12", " -3 ", 4.0, 5)] == [12, -3, 4, 5]
    assert [integer(v) for v in (True, "x", 1.5, 1 << 64, "9" * 400, "٣", None)] == [None] * 7
    assert [real(v) for v in ("88.200", 3, -0.5)] == [88.2, 3.0, -0.5]
    assert [real(v) for v in ("nan", "inf", "1e999", True, None, [], "x")] == [None] * 7
    assert [truth(v) for v in (True, "True", "false", 1, None)] == [True, True, False, None, None]
