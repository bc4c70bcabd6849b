"""Who may see pages: a signed session cookie with the secret of a page session, or a Bearer header.

The session is looked up at every page (through the same short memory as tokens), so one that was
ended, or whose user or token is good no more, opens nothing. The cookie is HttpOnly and
SameSite=Lax, and for https alone where that is used; every form carries a token of the session's
besides (:mod:`app.dashboard.csrf`), and refuses what another site posts.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SecureCookieSessionInterface

from app.api.access import CHALLENGE, CallerCheck, bearer, require_token
from app.dashboard import links
from app.dashboard.leading import lead_to
from app.errors import ApiError
from config.settings import Settings
from storage.rights import Caller

_SECRET = "secret"  # noqa: S105 - the name of the cookie's field
_KNOWN = "known"
_MOST_KNOWN = 5
_ALWAYS_HTTPS = "SLUICE_ALWAYS_HTTPS"


class SessionCookies(SecureCookieSessionInterface):
    """Flask's signed cookies, for https alone where a page is asked for by https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        del app
        return over_https()


def over_https() -> bool:
    """Whether the cookies of this answer are for https alone."""
    return request.is_secure or bool(current_app.config.get(_ALWAYS_HTTPS))


def cookie_config(settings: Settings) -> dict[str, object]:
    """What Flask is told of the session's cookie."""
    return {
        "SESSION_COOKIE_NAME": "sluice_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=settings.session_hours),
        _ALWAYS_HTTPS: settings.web_public_url.startswith("https:"),
    }


def wants_text(asked: Request) -> bool:
    """Whether the caller is a program: it sent a token, asks for a text twin without being a
    browser, or prefers JSON to a page.
    """
    if bearer(asked) is not None:
        return True
    accepted = asked.accept_mimetypes
    if asked.path.endswith(tuple(f".{kind}" for kind in links.TWINS)):
        return "text/html" not in [kind for kind, _ in accepted]
    return accepted.best_match(["text/html", "application/json"], "text/html") != "text/html"


def by_token() -> bool:
    """Whether the request speaks by a Bearer header, which no other site can send."""
    return bearer(request) is not None


def local_path(asked: str | None) -> str:
    """Where to go after signing in: a path of ours, else ``/``; never another host."""
    path = asked or "/"
    unsafe = not path.startswith("/") or path[1:2] in ("/", "\\") or not path.isprintable()
    return "/" if unsafe else path


def session_secret() -> str:
    """The secret of the browser's session; empty when it has none."""
    secret = session.get(_SECRET)
    return secret if isinstance(secret, str) else ""


def who_asks(tokens: CallerCheck, sessions: CallerCheck) -> Caller | None:
    """Who a request speaks for, null for nobody.

    Raises ``ApiError`` 401 for a Bearer header that is no good, and ``StoreDown``.
    """
    if by_token():
        return require_token(request, tokens)
    secret = session_secret()
    return sessions.caller(secret) if secret else None


def known_here() -> list[str]:
    """Marks of users who have signed in at this browser."""
    known = session.get(_KNOWN)
    return known if isinstance(known, list) else []


def begin_session(secret: str, mark: str | None = None) -> None:
    """Let the browser keep a session's secret, and nothing of what it had before."""
    known = [mark, *(one for one in known_here() if one != mark)] if mark else known_here()
    session.clear()
    session.permanent = True
    session[_SECRET] = secret
    session[_KNOWN] = known[:_MOST_KNOWN]


def end_session() -> None:
    """Let the browser forget its session."""
    known = known_here()
    session.clear()
    session[_KNOWN] = known


def way_in() -> Response:
    """The way to the login; raises ``ApiError`` 401 to programs."""
    if wants_text(request):
        raise ApiError(
            401, "token_missing", "Send an API token: Authorization: Bearer <token>.", CHALLENGE
        )
    query = request.query_string.decode("latin-1")
    here = f"{request.path}?{query}" if query else request.path
    return lead_to(links.login(here))


def refuse_other_sites(asked: Request) -> None:
    """Raise ``ApiError`` 403 when a form was posted by a page of another site."""
    site = asked.headers.get("Sec-Fetch-Site")
    origin = asked.headers.get("Origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        foreign = origin is not None and urlsplit(origin).netloc != asked.host
    if foreign:
        raise ApiError(403, "cross_site", "This form can be sent from this site's own pages only.")
