"""Who may see pages: a signed session cookie holding an API token, or a Bearer header.

The token is checked at every page (through the same short memory as the API's), so a token that
is withdrawn closes its sessions too. The cookie is HttpOnly and SameSite=Lax; every form carries a
token of the session's besides (:mod:`app.dashboard.csrf`), and refuses what another site posts.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, Response, request, session

from app.api.access import CHALLENGE, MAX_TOKEN_CHARS, TokenCheck, bearer, require_token
from app.dashboard import links
from app.dashboard.leading import lead_to
from app.errors import ApiError
from storage.sql.tokens import Caller

TOKEN = "token"  # noqa: S105 - the name of the session's field, not a secret
COOKIE_CONFIG = {
    "SESSION_COOKIE_NAME": "sluice_session",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
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


def who_asks(tokens: TokenCheck) -> Caller | None:
    """Who a request speaks for, null for nobody.

    Raises ``ApiError`` 401 for a Bearer header that is no good, and ``StoreDown``.
    """
    if by_token():
        return require_token(request, tokens)
    token = session.get(TOKEN)
    return tokens.caller(token) if isinstance(token, str) else None


def way_in() -> Response:
    """The way to the login; raises ``ApiError`` 401 to programs."""
    if wants_text(request):
        raise ApiError(
            401, "token_missing", "Send an API token: Authorization: Bearer <token>.", CHALLENGE
        )
    query = request.query_string.decode("latin-1")
    here = f"{request.path}?{query}" if query else request.path
    return lead_to(links.login(here))


def sign_in(tokens: TokenCheck, token: str) -> bool:
    """Start a session for a token; false when there is no such token. Raises ``StoreDown``."""
    token = token.strip()
    if not token or len(token) > MAX_TOKEN_CHARS or "\0" in token:
        return False
    if tokens.caller(token) is None:
        return False
    session.clear()
    session[TOKEN] = token
    return True


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
