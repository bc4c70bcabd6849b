"""Facets of crashes as real SDKs send them, and what is unusual about some events."""

import orjson
import pytest
import raygun_samples

from events.facets import facets_of, facets_of_picture
from events.raygun.entry import RaygunEntry
from events.report import Crash, User
from events.sentry.event import SentryEvent
from events.unusual import Counted, Unusual, unusual

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) "
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT}"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT}"
SAMSUNG = f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT}SamsungBrowser/27.0 Chrome/125 Mobile"


@pytest.mark.parametrize(
    ("text", "browser", "system"),
    [
        (WINDOWS + "Chrome/142.0.0.0 Safari/537.36", "Chrome 142", "Windows 10"),
        (WINDOWS + "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.1", "Edge 142", "Windows 10"),
        (WINDOWS + "Chrome/120.0.0.0 Safari/537.36 OPR/106.0.0.0", "Opera 106", "Windows 10"),
        (MAC + "Version/17.4 Safari/605.1.15", "Safari 17", "macOS 10.15"),
        (IPHONE + "Version/18.5 Mobile/15E148 Safari/604.1", "Safari 18", "iOS 18"),
        (IPHONE + "CriOS/142.0.1 Mobile/15E148 Safari/604.1", "Chrome 142", "iOS 18"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox 140",
            "Linux",
        ),
        (
            SAMSUNG,
            "Samsung Internet 27",
            "Android 15",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
            "Internet Explorer 11",
            "Windows 6",
        ),
        ("curl/8.5.0", None, None),
        ("", None, None),
        ("(" * 100_000, None, None),
    ],
)
def test_browsers_by_what_they_say_of_themselves(text, browser, system):
    found = facets_of_picture({"request": {"headers": {"User-Agent": text}}})
    assert (found.get("browser"), found.get("os")) == (browser, system)


@pytest.mark.parametrize(
    ("name", "facets"),
    [
        ("raygun4js/07", {"os": "Windows 10", "browser": "Chrome 142", "version": "4.2.0"}),
        ("raygun-node/01", {"arch": "x64", "sdk": "raygun-node 2.2.8", "machine": "web-1"}),
        ("raygun4py/06", {"arch": "64bit", "tag": ["checkout", "payment"]}),
        ("raygun4java/03", {"os": "Linux - 6.1.0-37-amd64", "sdk": "Raygun4Java 3.0.0"}),
        ("raygun4go/06", {"sdk": "raygun4go 1.3.0", "version": "1.8.0"}),
    ],
)
def test_facets_of_real_crashes(name, facets):
    found = facets_of(RaygunEntry(raygun_samples.bodies(name)[0]).crash())
    assert {key: found.get(key) for key in facets} == facets


def a_crash(environment, tags=()):
    return Crash(
        *(None, "node", None, None, None, None, None, None, None, User(), list(tags)),
        *(None, environment),
    )


@pytest.mark.parametrize(
    ("environment", "facets"),
    [
        ({"OSVersion": "10", "os": {"name": "Windows", "version": "11"}}, {"os": "Windows 11"}),
        ({"Device-Name": "Pixel 9", "model": "x"}, {"device": "Pixel 9"}),
        ({"runtime": {"name": "CPython", "version": 3.11}}, {"runtime": "CPython 3.11"}),
        (
            {"os.type": "linux", "os.description": "Debian 12", "process.runtime.name": "CPython"},
            {"os": "Debian 12", "runtime": "CPython"},
        ),
        ({"os": ["a"], "browser": {"x": 1}, 7: "os", "": ""}, {}),
        ({"os": "x" * 10_000}, {"os": "x" * 99 + "…"}),
        ({"os\0": "a", "os": "a\0b\ud800"}, {"os": "a␀b�"}),
        ("not an object", {}),
        (None, {}),
    ],
)
def test_surroundings_are_read_by_their_names_whatever_they_hold(environment, facets):
    assert facets_of(a_crash(environment)) == facets


def test_tags_are_bounded():
    found = facets_of(a_crash(None, ["t" * 500] * 500))
    assert found["tag"] == ["t" * 99 + "…"] * 20


@pytest.mark.parametrize(
    ("here", "elsewhere", "shown"),
    [
        (80, 10, True),  # 80 % here, 10 % elsewhere
        (50, 45, False),  # too little more
        (4, 0, False),  # too few to say anything
        (100, 95, False),
        (20, 0, True),
        (15, 12, False),
    ],
)
def test_unusual_is_what_is_clearly_more_frequent_here(here, elsewhere, shown):
    found = unusual(
        Counted(100, {"browser": {"Chrome": here}}),
        Counted(100, {"browser": {"Chrome": elsewhere}}),
    )
    expected = [Unusual("browser", "Chrome", here, 100, elsewhere, 100)] if shown else []
    assert found == expected


def test_the_most_telling_value_comes_first_and_nothing_is_said_without_others():
    here = Counted(10, {"os": {"A": 10}, "arch": {"x64": 10}})
    elsewhere = Counted(1000, {"os": {"A": 500}, "arch": {"x64": 0}})
    assert [one.value for one in unusual(here, elsewhere)] == ["x64", "A"]
    assert unusual(here, Counted(0, {})) == []


@pytest.mark.parametrize(
    "headers", [{"user-agent": MAC}, {"User-Agent": MAC}, [["Accept", "*"], ["User-Agent", MAC]]]
)
def test_browsers_of_requests_are_read_however_headers_are_sent(headers):
    body = orjson.dumps({"request": {"headers": headers}})
    assert SentryEvent(body).crash().user_agent == MAC


@pytest.mark.parametrize("headers", [None, [], "x", [["User-Agent"]], {"User-Agent": {}}, [7]])
def test_headers_that_are_none_tell_of_no_browser(headers):
    body = orjson.dumps({"request": {"headers": headers}})
    assert SentryEvent(body).crash().user_agent is None
