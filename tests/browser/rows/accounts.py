"""Home, accounts, setting up, and settings."""

from __future__ import annotations

from tests.browser.rows.row import Row


def of_settings(part: str) -> str:
    """A tab of a project's settings."""
    return f"/p/shop/settings/{part}"


ROWS = (
    Row("home", lambda site: "/", {"sql": 8, "search": 1}),
    Row("join", lambda site: f"/join/{site.join}", {"sql": 2}, signed_in=False),
    Row("join with no link", lambda site: "/join/none", {"sql": 2}, status=404, signed_in=False),
    Row("account", lambda site: "/account", {"sql": 9}),
    Row("setup", lambda site: "/setup/shop", {"sql": 18}),
    Row("setup, waiting", lambda site: "/setup/blog", {"sql": 18}),
    Row("keys", lambda site: "/p/shop/settings", {"sql": 10}),
    Row("members", lambda site: of_settings("members"), {"sql": 10}),
    Row("no members", lambda site: "/p/empty/settings/members", {"sql": 10}),
    Row("project tokens", lambda site: of_settings("tokens"), {"sql": 10}),
    Row("project retention", lambda site: of_settings("retention"), {"sql": 10}),
    Row("redaction", lambda site: of_settings("redaction"), {"sql": 10}),
    Row("users", lambda site: "/settings", {"sql": 6}),
    Row("all projects", lambda site: "/settings/projects", {"sql": 6}),
    Row("all tokens", lambda site: "/settings/tokens", {"sql": 6}),
    Row("effective settings", lambda site: "/settings/effective", {"sql": 6}),
)
