"""The shell's own pages."""

from __future__ import annotations

from tests.browser.rows.row import Row

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
)
