"""The shell's own pages, and the plain ones of groups."""

from __future__ import annotations

from tests.browser.rows.row import CRASH_BYTES, Row

# Each page of somebody signed in: the token (remembered), the list of projects.
ROWS = (
    Row("login", lambda site: "/login", signed_in=False),
    Row("home", lambda site: "/", {"sql": 3}),
    Row("find", lambda site: "/find?q=x", {"sql": 3}),
    Row("nothing found", lambda site: f"/find?q={site.nothing}", {"sql": 10}),
    Row("preferences", lambda site: "/preferences", {"sql": 2}),
    Row("help", lambda site: "/help", {"sql": 2}),
    Row("not there", lambda site: "/p/shop/g/nothing", {"sql": 5}, status=404),
    Row("nowhere", lambda site: "/nothing/like/it", {"sql": 2}, status=404),
    Row("groups", lambda site: "/p/shop/groups", {"sql": 8}),
    Row("no groups", lambda site: "/p/blog/groups", {"sql": 8}),
    Row("no match", lambda site: "/p/shop/groups?query=nothing-like-it", {"sql": 8}),
    Row("group", lambda site: f"/p/shop/g/{site.group}", {"sql": 10}),
    Row("occurrence", lambda site: f"/o/{site.event}", {"sql": 9, "files": 1}, CRASH_BYTES),
    Row("hostile", lambda site: f"/o/{site.hostile}", {"sql": 9, "files": 1}, CRASH_BYTES),
    Row("hostile group", lambda site: f"/p/shop/g/{site.hostile_group}", {"sql": 10}),
)
