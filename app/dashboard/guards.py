"""What is done before and after every page: who asks, an id for the log, counts, and headers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from urllib.parse import quote

import structlog
from flask import Blueprint, Response, g, request

from app.api.endpoint import Desk
from app.dashboard.page import Action, Page
from app.dashboard.preferences import COOKIE, parse_preferences
from app.dashboard.session import way_in, who_asks
from app.dashboard.shell import Looking
from storage.questions import counted
from storage.sql.audit import acting_from

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
        " object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_ASSET = "pages.asset"


class Guards:
    """Lets nobody see a page but who is signed in, except those ``open_to_all``."""

    def __init__(self, desk: Desk, open_to_all: Iterable[Page | Action]) -> None:
        self._desk = desk
        self._open = {f"pages.{row.name}" for row in open_to_all}

    def register(self, blueprint: Blueprint) -> None:
        """Put the guards around every route of the blueprint."""
        blueprint.before_request(self._check)
        blueprint.after_request(protect)
        blueprint.teardown_request(end)

    def begin(self) -> None:
        """Note who asks, if anybody, and what the shell and the log tell of this request."""
        g.looking = Looking(
            path=quote(request.path),
            query=request.query_string.decode("latin-1"),
            id=uuid.uuid4().hex[:12],
            preferences=parse_preferences(request.cookies.get(COOKIE)),
        )
        structlog.contextvars.bind_contextvars(request_id=g.looking.id)
        g.within = ExitStack()
        g.questions = g.within.enter_context(counted())
        g.within.enter_context(acting_from(request.remote_addr or ""))
        caller = who_asks(self._desk.tokens, self._desk.sessions)
        if caller is not None:
            g.caller = caller

    def _check(self) -> Response | None:
        if request.endpoint == _ASSET:
            return None
        self.begin()
        if "caller" in g or (request.endpoint or "").removesuffix("_twin") in self._open:
            return None
        return way_in()


def end(_error: BaseException | None = None) -> None:
    """Stop counting; this thread serves others next."""
    structlog.contextvars.unbind_contextvars("request_id")
    if within := g.pop("within", None):
        within.close()


def protect(response: Response) -> Response:
    """Give an answer of the dashboard its headers. ``Server-Timing`` tells what it asked."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if "looking" in g:
        response.headers["Sluice-Request-Id"] = g.looking.id
        response.headers["Server-Timing"] = ", ".join(
            f'{store};desc="{count}";dur={1000 * g.questions.seconds[store]:.1f}'
            for store, count in g.questions.counts.items()
        )
    return response
