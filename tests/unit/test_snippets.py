"""What is pasted to set an SDK up: in every language a string stays a string."""

from __future__ import annotations

import ast

import pytest

from app.dashboard.snippets import Target, snippets

PLAIN = Target("https://sluice.example", "0123456789abcdef0123456789abcdef", 7)
PORT = Target("http://127.0.0.1:8000/relay", "key", 7)


def text_of(sdk: str, target: Target) -> str:
    (found,) = [one for one in snippets(target) if one.sdk == sdk]
    return found.text


def test_every_snippet_has_the_key_and_the_place() -> None:
    for target in (PLAIN, PORT):
        for one in snippets(target):
            assert target.key in one.text, one.sdk
            assert target.host in one.text, one.sdk
    assert len({one.sdk for one in snippets(PLAIN)}) == len(snippets(PLAIN)) >= 9


def test_addresses_are_taken_apart() -> None:
    assert (PLAIN.scheme, PLAIN.host, PLAIN.port, PLAIN.prefix) == (
        "https",
        "sluice.example",
        443,
        "",
    )
    assert (PORT.scheme, PORT.host, PORT.port, PORT.prefix) == ("http", "127.0.0.1", 8000, "/relay")
    python = text_of("raygun4py", PORT)
    assert 'client.endpointhost = "127.0.0.1:8000"' in python
    assert 'client.endpointpath = "/relay/entries"' in python
    assert "useSSL: false" in text_of("raygun for Node.js", PORT)
    assert "useSSL: true" in text_of("raygun for Node.js", PLAIN)
    assert 'dsn="http://key@127.0.0.1:8000/relay/7"' in text_of("sentry-sdk", PORT)
    assert "ENDPOINT=http://127.0.0.1:8000/relay\n" in text_of("OpenTelemetry", PORT)
    pairs = zip(snippets(PORT), snippets(PLAIN), strict=True)
    noted = [one.sdk for one, plain in pairs if one.note != plain.note]
    assert noted == ["raygun for Node.js", "raygun4php"]


@pytest.mark.parametrize("key", ["+/=", 'a"b', "a\\b", "a'b"])
def test_a_key_of_any_characters_stays_a_string(key: str) -> None:
    tree = ast.parse(text_of("raygun4py", Target("https://sluice.example", key, 7)))
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert key in strings
