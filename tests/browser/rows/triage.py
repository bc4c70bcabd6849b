"""Pages of groups, occurrences, releases and decisions."""

from __future__ import annotations

from tests.browser.rows.row import CRASH_BYTES, Row
from tests.browser.site import Site


def group(site: Site, after: str = "") -> str:
    return f"/p/shop/g/{site.group}{after}"


def hostile(site: Site, after: str = "") -> str:
    return f"/p/shop/g/{site.hostile_group}{after}"


# Two numbers of the strip, and who has the session, are remembered for some seconds, but a row may
# be the first to ask.
LIST = {"sql": 14}
SEARCHED = {"sql": 14, "search": 1}
CRASH = {"sql": 26, "search": 2, "files": 1}
ONE = {"sql": 15, "files": 1}
TABLE = {"sql": 14, "search": 2}

ROWS = (
    Row("groups", lambda site: "/p/shop/groups", LIST),
    Row("groups by users", lambda site: "/p/shop/groups?sort=users&status=new&limit=25", LIST),
    Row("groups by events", lambda site: "/p/shop/groups?query=os:plan*", SEARCHED),
    Row("no groups", lambda site: "/p/blog/groups", LIST),
    Row("no match", lambda site: "/p/shop/groups?query=nothing-like-it", LIST),
    Row("hidden by a tab", lambda site: "/p/shop/groups?status=regressed", LIST),
    Row("bad query", lambda site: "/p/shop/groups?query=new+weather:bad", LIST),
    Row("group", group, CRASH, CRASH_BYTES),
    Row("merged group", lambda site: f"/p/shop/g/{site.merged}", CRASH, CRASH_BYTES),
    Row("filtered", lambda site: group(site, "?q=os:plan*"), CRASH, CRASH_BYTES),
    Row("filter finds none", lambda site: group(site, "?q=os:none"), CRASH, CRASH_BYTES),
    Row("in group", lambda site: group(site, f"/o/{site.event}"), CRASH, CRASH_BYTES),
    Row(
        "in group filtered",
        lambda site: group(site, f"/o/{site.event}?q=os:plan*&level=warning&frames=all"),
        CRASH,
        CRASH_BYTES,
    ),
    Row("gone", lambda site: group(site, f"/o/{site.nothing}"), CRASH, CRASH_BYTES, status=404),
    Row("activity", lambda site: f"/p/shop/g/{site.merged}/activity", {"sql": 10}),
    Row("occurrences", lambda site: group(site, "/occurrences"), TABLE),
    Row("some occurrences", lambda site: group(site, "/occurrences?q=os:plan*&columns=url"), TABLE),
    Row("no occurrences", lambda site: group(site, "/occurrences?q=os:none"), TABLE),
    Row("bad filter", lambda site: group(site, "/occurrences?q=weather:x"), TABLE),
    Row(
        "difference",
        lambda site: group(site, f"/diff?a={site.older}&b={site.event}"),
        {"sql": 14, "files": 2},
        CRASH_BYTES,
    ),
    Row("occurrence", lambda site: f"/o/{site.event}", ONE, CRASH_BYTES),
    Row("hostile", lambda site: f"/o/{site.hostile}", ONE, CRASH_BYTES),
    Row("hostile group", hostile, CRASH, CRASH_BYTES),
    Row("hostile occurrences", lambda site: hostile(site, "/occurrences"), TABLE),
    Row("heavy", lambda site: f"/o/{site.heavy}", ONE, CRASH_BYTES),
    Row("releases", lambda site: "/p/shop/releases", {"sql": 16, "search": 1}),
    Row("no releases", lambda site: "/p/blog/releases", {"sql": 16, "search": 1}),
    Row("release", lambda site: "/p/shop/release?version=2.1", {"sql": 20, "search": 1}),
    Row("decisions", lambda site: "/p/shop/decisions", {"sql": 10}),
    Row("decision", lambda site: f"/p/shop/decisions/{site.decision}", {"sql": 10}),
    Row("no decisions", lambda site: "/p/blog/decisions", {"sql": 10}),
    Row("discarded", lambda site: "/p/shop/discarded", {"sql": 10}),
    Row("nothing discarded", lambda site: "/p/blog/discarded", {"sql": 10}),
)
