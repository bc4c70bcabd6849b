"""Redaction of protobuf bodies: what is blanked, what keeps its bytes, when one is decoded."""

from __future__ import annotations

import pytest

from bench.telemetry import PointSource, SpanSource
from events.envelope import Envelope
from events.ids import new_id
from events.redact.finder import Finder
from events.redact.redactor import Redactor
from events.redact.rules import Rules
from events.trace import picture
from tests.otlp_samples import Timed, logs, traces

MARK = "[redacted-by-sluice]"


def redacted(body: bytes, protocol: str = "otlp.traces.proto") -> Envelope:
    redactor = Redactor(Rules())
    once = redactor.redact(Envelope(new_id(1_795_414_000_000), 1, "trace", protocol, body))
    assert redactor.redact(once) == once
    return once


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("http.request.header.cookie", "sid=1", MARK),
        ("db_password", 1234, MARK),
        ("http.request.header.authorization", "Basic eDp5", MARK),
        ("url.full", "https://ann:hunter2@shop.test/", f"https://ann:{MARK}@shop.test/"),
        ("url.full", "https://ann:pässe@shop.test/", f"https://ann:{MARK}@shop.test/"),
        ("url.query", "a=1&password=hunter2", f"a=1&password={MARK}"),
        ("body", '{"password": "hunter2", "n": 1}', f'{{"password": "{MARK}", "n": 1}}'),
        ("note", "card 4111 1111 1111 1111", f"card {MARK}"),
        ("note", "session 17 of passwords", "session 17 of passwords"),
        ("password", "", ""),
    ],
)
def test_attributes(name: str, value: str | int, kept: str) -> None:
    made = redacted(traces(Timed("x", attributes={name: value, "other": "stays"})))
    (span,) = picture(made)["trace"]["spans"]
    assert span["attributes"] == {name: kept, "other": "stays"}
    assert made.redacted == kept.count(MARK)


def test_names_and_lines_are_looked_through_as_well() -> None:
    made = redacted(logs((9, "login?password=hunter2")), "otlp.logs.proto")
    assert picture(made)["trace"]["logs"][0]["body"] == f"login?password={MARK}"
    made = redacted(traces(Timed("GET /?api_key=abcdef")))
    assert picture(made)["trace"]["spans"][0]["name"] == f"GET /?api_key={MARK}"


@pytest.mark.parametrize("source", [SpanSource(1), PointSource(1)], ids=["spans", "points"])
def test_ordinary_messages_are_not_decoded(source: SpanSource | PointSource) -> None:
    finder = Finder(Rules())
    bodies = [source.body() for _ in range(50)]
    assert sum(finder.may_match(body, message=True) for body in bodies) <= 1
