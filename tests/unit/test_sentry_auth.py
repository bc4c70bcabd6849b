"""Where requests of Sentry's protocol carry their key, and which are refused."""

from __future__ import annotations

import base64

import pytest

from app.errors import ApiError
from app.ingest.sentry.auth import key_of_dsn, sentry_keys
from events.sentry.dsn import dsn, fits_dsn


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "query", "keys"),
    [
        ({}, "", []),
        ({}, "a=b&sentry_version=7", []),
        ({}, "sentry_version=7&sentry_key=abc&sentry_client=x%2F1", ["abc"]),
        ({}, "SENTRY_KEY=a%2Bb", ["a+b"]),
        ({"x-sentry-auth": "Sentry sentry_key=abc, sentry_version=7"}, "", ["abc"]),
        ({"x-sentry-auth": "sentry sentry_version=7,sentry_key=abc"}, "", ["abc"]),
        ({"x-sentry-auth": "Sentry sentry_version=2.0 sentry_key=abc"}, "", ["abc"]),
        ({"authorization": "Sentry sentry_key=abc,sentry_secret=s"}, "", ["abc"]),
        ({"authorization": "Bearer abc"}, "", []),
        ({"x-sentry-auth": "nothing of ours"}, "sentry_key=abc", ["abc"]),
        (basic("abc:"), "", ["abc"]),
        (basic("abc"), "", ["abc"]),
    ],
)
def test_one_key_in_one_place(headers: dict[str, str], query: str, keys: list[str]) -> None:
    assert sentry_keys(headers, query) == keys


@pytest.mark.parametrize(
    ("headers", "query", "status", "code"),
    [
        ({"x-sentry-auth": "Sentry sentry_key=a"}, "sentry_key=a", 401, "auth_multiple"),
        (
            {"x-sentry-auth": "Sentry sentry_key=a", "authorization": "Sentry sentry_key=a"},
            "",
            401,
            "auth_multiple",
        ),
        (basic("a:"), "sentry_key=a", 401, "auth_multiple"),
        ({"x-sentry-auth": "Sentry "}, "", 400, "auth_invalid"),
        ({"x-sentry-auth": "Sentry sentry_version=7"}, "", 400, "auth_invalid"),
        ({}, "sentry_key=", 400, "auth_invalid"),
        ({}, "sentry_key=a%00b", 400, "auth_invalid"),
        ({}, "sentry_key=a&sentry_version=8", 400, "auth_invalid"),
        ({}, "sentry_key=a&sentry_version=one", 400, "auth_invalid"),
        ({}, "sentry_key=a&sentry_version=" + "9" * 10_000, 400, "auth_invalid"),
        ({"authorization": "Basic ???"}, "", 400, "auth_invalid"),
    ],
)
def test_refused(headers: dict[str, str], query: str, status: int, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        sentry_keys(headers, query)
    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("https://abc@h.test/42", "abc"),
        ("http://abc:secret@h.test:8000/prefix/42", "abc"),
        ("https://h.test/42", None),
        ("https://[", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_the_key_of_a_dsn(given: object, key: str | None) -> None:
    assert key_of_dsn(given) == key


def test_a_dsn_is_what_sdks_take() -> None:
    made = dsn("https://sluice.test:8000/relay/", "0123456789abcdef", 7)
    assert made == "https://0123456789abcdef@sluice.test:8000/relay/7"
    assert key_of_dsn(made) == "0123456789abcdef"
    assert fits_dsn("a_B9")
    assert not any(fits_dsn(key) for key in ("a-b", "a+b", "", "ключ"))
