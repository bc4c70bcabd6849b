from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from app.ingest.keys import MAX_KEY_CHARS, key_candidates


@pytest.mark.parametrize("name", ["X-ApiKey", "x-apikey", "X-APIKEY", "X-apiKey"])
def test_header_in_any_letter_case(name: str) -> None:
    assert key_candidates(Headers({name: "a+b/c="}), "") == ["a+b/c="]


@pytest.mark.parametrize("name", ["apikey", "apiKey", "APIKEY", "ApiKey", "api%6Bey"])
def test_query_in_any_letter_case(name: str) -> None:
    assert key_candidates(Headers(), f"x=1&{name}=abc") == ["abc"]


def test_a_header_that_was_set_twice() -> None:
    twice = Headers([("X-ApiKey", "one, one")])
    assert key_candidates(twice, "") == ["one, one", "one"]
    assert key_candidates(Headers({"X-ApiKey": "one,two"}), "") == ["one,two"]
    assert key_candidates(Headers({"X-ApiKey": ","}), "") == [","]


def test_header_goes_before_query() -> None:
    assert key_candidates(Headers({"X-ApiKey": "one"}), "apikey=two") == ["one"]


def test_empty_header_leaves_it_to_the_query() -> None:
    assert key_candidates(Headers({"X-ApiKey": " "}), "apikey=two") == ["two"]


def test_percent_encoded_signs_are_read() -> None:
    assert key_candidates(Headers(), "apikey=a%2Bb%2Fc%3D") == ["a+b/c="]


def test_raw_plus_is_tried_as_plus_first_and_as_space_last() -> None:
    assert key_candidates(Headers(), "apikey=a+b/c==") == ["a+b/c==", "a b/c=="]


def test_space_is_tried_as_the_plus_it_may_have_been() -> None:
    assert key_candidates(Headers(), "apikey=a%20b") == ["a b", "a+b"]


@pytest.mark.parametrize("query", ["", "apikey", "apikey=", "apikey=%20", "key=abc", "&&=&"])
def test_no_key(query: str) -> None:
    assert key_candidates(Headers(), query) == []


def test_a_hostile_key_is_cut() -> None:
    long = "k" * 100_000
    assert len(key_candidates(Headers({"X-ApiKey": long}), "")[0]) == MAX_KEY_CHARS + 1
    assert len(key_candidates(Headers(), f"apikey={long}")[0]) == 3 * MAX_KEY_CHARS + 1
