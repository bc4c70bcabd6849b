"""The shell's own pages."""

from __future__ import annotations

from tests.browser.rows.row import Row

# Each page of somebody signed in: the session with its user and rights (remembered for some
# seconds), the list of projects. An id is looked for among events of each type, groups and
# receipts.
ROWS = (
    Row("login", lambda site: "/login", {"sql": 1}, signed_in=False),
    Row("find", lambda site: "/find?q=x", {"sql": 5}),
    Row("nothing found", lambda site: f"/find?q={site.nothing}", {"sql": 21}),
    Row("preferences", lambda site: "/preferences", {"sql": 4}),
    Row("help", lambda site: "/help", {"sql": 4}),
    Row("not there", lambda site: "/p/shop/g/nothing", {"sql": 7}, status=404),
    Row("nowhere", lambda site: "/nothing/like/it", {"sql": 4}, status=404),
)
