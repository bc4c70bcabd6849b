"""What pages write: hostile text, numbers, times, and the URLs they link to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.dashboard import amounts, links, moments
from app.dashboard.folding import fold
from app.dashboard.links import ProjectName
from app.dashboard.paging import paging
from app.dashboard.preferences import Preferences, is_choice, parse_preferences
from app.dashboard.text import MOST_CHARS, brief, visible

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_control_characters_are_seen() -> None:
    assert visible("a\x00\x1b\x7f\u202eb\n\t") == "a⟨U+0000⟩⟨U+001B⟩⟨U+007F⟩⟨U+202E⟩b\n\t"
    assert visible(None) == ""
    assert visible("x" * (MOST_CHARS + 5)).endswith("(5 more characters in the raw bytes)")
    assert brief("\u202e" + "x" * 400, 3) == "⟨U+202E⟩xx…"
    assert brief("whole") == "whole"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (amounts.count(1234567), "1,234,567"),
        (amounts.count(0.125), "0.12"),
        (amounts.size(999), "999 B"),
        (amounts.size(1000), "1.0 kB"),
        (amounts.measured(1_939_573_561.33, "By"), "1.9 GB"),
        (amounts.measured(9_047.59, "ms"), "9 s"),
        (amounts.measured(16.5, "request"), "16.50 request"),
        (amounts.measured(3, ""), "3"),
        (amounts.size(3_400_000), "3.4 MB"),
        (amounts.size(999_950), "1.0 MB"),
        (amounts.size(5e15), "5000 TB"),
        (amounts.share(37, 100), "37 %"),
        (amounts.share(1, 1000), "<1 %"),
        (amounts.share(0, 1000), "0 %"),
        (amounts.share(0, 0), "none"),
        (amounts.duration(0.35), "350 ms"),
        (amounts.duration(2.5), "2.5 s"),
        (amounts.duration(200), "3 min 20 s"),
        (amounts.duration(18_600), "5 h 10 min"),
        (amounts.duration(3600), "1 h"),
        (amounts.duration(270_000), "3 d 3 h"),
    ],
)
def test_amounts(written: str, value: str) -> None:
    assert written == value


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(minutes=-3), "in 3 min"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(hours=48), "2 days ago"),
        (timedelta(days=60), "2026-09-23"),
    ],
)
def test_how_long_ago(ago: timedelta, told: str) -> None:
    assert moments.relative(NOW - ago, NOW) == told


def test_times_in_a_zone() -> None:
    berlin = moments.zone_of("Europe/Berlin")
    assert berlin is not None
    assert moments.absolute(NOW, berlin) == "2026-11-22 13:00:00 CET"
    assert moments.absolute(NOW, UTC) == "2026-11-22 12:00:00 UTC"
    assert moments.absolute(datetime.max.replace(tzinfo=UTC), berlin).startswith("9999-12-31")


@pytest.mark.parametrize("name", ["", "Europe", "../etc/passwd", "Mars/Olympus", "a\0b", "x" * 999])
def test_what_is_no_zone(name: str) -> None:
    assert moments.zone_of(name) is None


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-11-22T13:00:00+01:00", NOW),
        ("2026-11-22T12:00:00", NOW),
        ("2026-11-22T12:00:00.000Z", NOW),
        (NOW.replace(tzinfo=None), NOW),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        (None, None),
    ],
)
def test_instants(value: str | datetime | None, instant: datetime | None) -> None:
    assert moments.instant(value) == instant


def test_preferences_survive_their_cookie() -> None:
    wanted = Preferences(theme="dark", density="dense", zone="America/New_York", keys="off")
    assert parse_preferences(wanted.cookie()) == wanted


@pytest.mark.parametrize(
    "cookie",
    [None, "", "theme=loud&zone=Mars", "nonsense", "theme", "&" * 600, "zone=%ff", "name=theme"],
)
def test_a_strange_cookie_means_the_defaults(cookie: str | None) -> None:
    assert parse_preferences(cookie) == Preferences()


def test_choices() -> None:
    assert is_choice("theme", "dark")
    assert not is_choice("theme", "loud")
    assert not is_choice("nothing", "dark")


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("shop", "shop"),
        ("my shop?", "my%20shop%3F"),
        ("a/b", "~7"),
        ("..", "~7"),
        ("~x", "~7"),
        ("ü", "%C3%BC"),
    ],
)
def test_a_project_in_a_path(name: str, segment: str) -> None:
    assert links.project_segment(ProjectName(7, name)) == segment


def test_paths() -> None:
    shop = ProjectName(7, "shop")
    assert links.groups(shop, query="a b", status=None) == "/p/shop/groups?query=a+b"
    assert links.twin("/", "md") == "/index.md"
    assert links.twin("/p/shop/groups", "csv") == "/p/shop/groups.csv"
    assert links.login("/find?q=x") == "/login?next=%2Ffind%3Fq%3Dx"
    assert links.project_number("~12") == 12
    assert [links.project_number(one) for one in ("12", "~", "~x", "~1234567890")] == [None] * 4


def test_paging_keeps_what_was_asked_for() -> None:
    asked = {"query": "a b", "status": None, "cursor": "here", "limit": 25}
    found = paging("/list", asked, 25, "next")
    assert found.older == "/list?query=a+b&limit=25&cursor=next"
    assert found.newest == "/list?query=a+b&limit=25"
    assert found.limits[2] == (100, "/list?query=a+b&limit=100")
    last = paging("/list", {"cursor": None, "limit": 50}, 3, None, total=3)
    assert (last.older, last.newer, last.newest) == (None, None, None)


def test_json_folds_within_bounds() -> None:
    node = fold({"a": [1, None, True, "x"], "b": {}})
    assert (node.kind, node.size, node.open) == ("object", 2, True)
    a, b = node.children
    assert [child.kind for child in a.children] == ["number", "word", "word", "text"]
    assert [child.key for child in a.children] == ["0", "1", "2", "3"]
    assert (b.kind, b.size) == ("object", 0)
    wide = fold([{"x": n} for n in range(10_000)], most=50)
    assert len(wide.children) + wide.hidden == 10_000
    assert len(wide.children) <= 50
    deep: object = "bottom"
    for _ in range(200):
        deep = [deep]
    node = fold(deep)
    levels = 0
    while node.children:
        (node,) = node.children
        levels += 1
    assert (node.kind, node.hidden) == ("cut", 1)
    assert levels < 20
