"""Pages, agents, sessions and resources as events name them: pure, and hostile input harmless."""

from __future__ import annotations

import pytest

from events.pages import page_of
from events.report import Timing
from events.resources import Resource, read_resource, resource_line
from events.sessions import session_of
from events.user_agent import Agent, agent_of


@pytest.mark.parametrize(
    ("address", "host", "path"),
    [
        ("http://shop.example.test:3000/cart", "shop.example.test:3000", "/cart"),
        ("https://Shop.Example.test/cart?x=1#top", "shop.example.test", "/cart"),
        ("https://ann:secret@shop.example.test/", "shop.example.test", "/"),
        ("https://shop.example.test", "shop.example.test", "/"),
        ("https://shop.example.test/app#/orders/7?tab=2", "shop.example.test", "/app#/orders/7"),
        ("https://shop.example.test/#!home", "shop.example.test", "/#!home"),
        ("/leaving?x", None, "/leaving"),
        ("CartActivity", None, "CartActivity"),
        ("file:///srv/index.html", None, "/srv/index.html"),
        ("", None, "/"),
        ("?", None, "/"),
        ("http://", None, "/"),
    ],
)
def test_the_page_of_an_address(address: str, host: str | None, path: str) -> None:
    assert page_of(address) == (host, path)


def test_a_page_is_bounded() -> None:
    host, path = page_of("http://" + "h" * 5_000 + "/" + "p" * 5_000)
    assert host is not None
    assert len(host) == 200
    assert len(path) == 500


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            Agent("Edge", "142", "Windows 10", "desktop"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
            " like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            Agent("Safari", "18", "iOS 18", "phone"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/142.0.0.0 Safari/537.36",
            Agent("Chrome", "142", "Android 14", "tablet"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            Agent("Firefox", "145", "Linux", "desktop"),
        ),
        ("nothing that any rule knows", Agent()),
        ("", Agent()),
        ("\x00\ud800\u202e" * 1_000, Agent()),
    ],
)
def test_agents(text: str, agent: Agent) -> None:
    assert agent_of(text) == agent


def crumb(**data: object) -> dict[str, object]:
    return {"message": "x", "CustomData": data}


REPORTED = '{"eventData":[{"sessionId":"qxs85lkge8","requestId":"i9"}]}'


@pytest.mark.parametrize(
    ("custom", "tags", "crumbs", "session"),
    [
        ({"sessionId": "abc"}, [], None, "abc"),
        ({"SESSION_ID": 7}, [], None, "7"),
        ({"rum-session-id": "r"}, [], None, "r"),
        ({"session": {"Id": "inner"}}, [], None, "inner"),
        ({"session": "bare"}, [], None, "bare"),
        ({"session": {"cart": 1}, "obsession": 2}, [], None, None),
        ({}, ["red", "session:abc"], None, "abc"),
        ({}, ["RUM-session-id = x"], None, None),
        ({}, ["sessionid=x"], None, "x"),
        (None, [], [crumb(body=REPORTED)], "qxs85lkge8"),
        (None, [], [crumb(sessionId="old"), crumb(sessionId="new"), crumb(a=1)], "new"),
        (None, [], [{"customData": {"session_id": "camel"}}, None, 3], "camel"),
        ("text", [], "no list", None),
        ([{"sessionId": "no object"}], [], None, None),
        ({"sessionId": ""}, [], None, None),
        ({"sessionId": {"deep": 1}}, [], None, None),
    ],
)
def test_the_session_a_crash_names(
    custom: object, tags: list[str], crumbs: object, session: str | None
) -> None:
    assert session_of(custom, tags, crumbs) == session


def test_a_session_s_name_is_bounded() -> None:
    found = session_of({"sessionId": "x" * 5_000}, [], None)
    assert found is not None
    assert len(found) == 200


@pytest.mark.parametrize(
    "timing",
    [
        Timing("xhr", "http://shop.test/api", 61.33, 230.5, 512, 200, "http://shop.test/", {}),
        Timing("asset", "http://shop.test/a.js", None, None, None, None, None, {}),
        Timing("asset", "big", 1.0, 0.0, 12_345_678_901, None, None, {}),
    ],
)
def test_a_resource_comes_back_from_its_line(timing: Timing) -> None:
    assert read_resource(resource_line(timing)) == Resource(
        timing.kind, timing.value, timing.start_ms, timing.size, timing.status, timing.name or ""
    )


def test_a_hostile_name_stays_within_its_line() -> None:
    line = resource_line(Timing("xhr", "a\tb\nc" * 500, 1.0, None, None, None, None, {}))
    assert line.count("\t") == 5
    found = read_resource(line)
    assert found is not None
    assert len(found.name) <= 300


@pytest.mark.parametrize("line", ["", "xhr\t1\t2", "xhr\tx\t\t\t\tname", "xhr\t\t\t\tNaN?\tname"])
def test_what_is_no_line(line: str) -> None:
    assert read_resource(line) is None
