from __future__ import annotations

import math
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from raygun_samples import assert_strict

from events.plain import INDEX, PICTURE, Bounds, plain, plain_object

HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet=st.characters(codec=None), max_size=5), inner)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(HOSTILE)
def test_whatever_was_parsed_can_be_encoded(value: Any) -> None:
    for bounds in (PICTURE, INDEX):
        assert_strict(plain(value, bounds))


def test_numbers_that_json_cannot_hold_become_text() -> None:
    value = {"nan": math.nan, "inf": math.inf, "ninf": -math.inf, "big": 1 << 65, "max": 2**64 - 1}
    assert plain(value, PICTURE) == {
        "nan": "NaN",
        "inf": "Infinity",
        "ninf": "-Infinity",
        "big": "36893488147419103232",
        "max": 2**64 - 1,
    }


def test_what_is_cut_shows() -> None:
    small = Bounds(depth=2, nodes=3, text=4, key=3)
    assert plain([[[1]]], small) == [["…"]]
    assert plain([1, 2, 3, 4, 5], small) == [1, 2, 3, "… 2 more"]
    assert plain({"a": 1, "b": 2, "c": 3, "d": 4}, small) == {"a": 1, "b": 2, "c": 3, "…": "1 more"}
    assert plain({"abcd": "abcdef"}, small) == {"ab…": "abc…"}


def test_a_picture_keeps_120_levels_and_encodes_500() -> None:
    value: Any = "bottom"
    for _ in range(120):
        value = {"n": value}
    assert plain(value, PICTURE) == value
    for _ in range(380):
        value = [value]
    orjson.dumps({"custom": plain(value, PICTURE)})


def test_ten_thousand_keys_are_a_small_document() -> None:
    value = {f"key-{n}": "v" * 100 for n in range(10_000)}
    assert len(orjson.dumps(plain(value, INDEX))) < 40_000
    assert plain(value, PICTURE) == value


def test_a_store_of_objects_gets_objects() -> None:
    assert [plain_object(v, INDEX) for v in (None, {}, [], "")] == [None] * 4
    assert plain_object([1, 2], INDEX) == {"value": [1, 2]}
    assert plain_object({"a": 1}, INDEX) == {"a": 1}
