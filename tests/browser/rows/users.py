"""Pages of real users: at most two questions to Elasticsearch each."""

from __future__ import annotations

from app.dashboard import links
from app.dashboard.links import ProjectName
from tests.browser.rows.row import Row

SHOP = ProjectName(0, "shop")

# As on pages of groups: a row may be the first to ask for the numbers of the strip.

ROWS = (
    Row("real users", lambda site: "/p/shop/rum", {"sql": 12, "search": 2}),
    Row("no real users", lambda site: "/p/blog/rum", {"sql": 12, "search": 2}),
    Row(
        "a page of real users",
        lambda site: links.rum(SHOP, "/cart"),
        {"sql": 12, "search": 2},
    ),
    Row("path rules", lambda site: "/p/shop/rum/rules", {"sql": 12, "search": 1}),
    Row(
        "a draft of path rules",
        lambda site: links.path_rules(SHOP, rules="/product/*\n/<script>**"),
        {"sql": 12, "search": 1},
    ),
    Row("sessions", lambda site: "/p/shop/sessions", {"sql": 12, "search": 2}),
    Row("no sessions", lambda site: "/p/blog/sessions", {"sql": 12, "search": 2}),
    Row("session", lambda site: "/s/visit-1", {"sql": 12, "search": 2}),
    Row("hostile session", lambda site: links.session("hostile/1", SHOP), {"sql": 12, "search": 2}),
    Row("users", lambda site: "/p/shop/users", {"sql": 12}),
    Row(
        "user",
        lambda site: links.user(SHOP, "ann@example.com"),
        {"sql": 12, "search": 1},
    ),
    Row(
        "hostile user",
        lambda site: links.user(SHOP, site.operated.user),
        {"sql": 12, "search": 1},
    ),
)
