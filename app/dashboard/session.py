"""Who may see pages: a signed session cookie holding an API token, or a Bearer header.

The token is checked at every page (through the same short memory as the API's), so a token that
is withdrawn closes its sessions too. The cookie is HttpOnly and SameSite=Lax; pages change
nothing but the session itself, and its two forms refuse what another site posts.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Request, Response, redirect, request, session

from app.api.access import MAX_TOKEN_CHARS, TokenCheck, bearer, require_token
from app.errors import ApiError
from storage.sql.tokens import Caller

TOKEN = "token"  # noqa: S105 - the name of the session's field, not a secret
COOKIE_CONFIG = {
    "SESSION_COOKIE_NAME": "sluice_session",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
}


def wants_json(asked: Request) -> bool:
    """Whether the caller is a program: it sent a token, or prefers JSON to a page."""
    if bearer(asked) is not None:
        return True
    best = asked.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    return best == "application/json"


def local_path(asked: str | None) -> str:
    """Where to go after signing in: a path of ours, else ``/``; never another host."""
    path = asked or "/"
    unsafe = not path.startswith("/") or path[1:2] in ("/", "\\") or not path.isprintable()
    return "/" if unsafe else path


def signed_in(tokens: TokenCheck) -> Caller | None:
    """Who the session's token speaks for, null when it is no good one; raises ``StoreDown``."""
    token = session.get(TOKEN)
    return tokens.caller(token) if isinstance(token, str) else None


def guard(tokens: TokenCheck) -> Caller | Response:
    """Who may see pages, as far as its token goes; else the way to the login.

    Raises ``ApiError`` 401 to programs, and ``StoreDown``.
    """
    if bearer(request) is None and (caller := signed_in(tokens)) is not None:
        return caller
    if wants_json(request):
        return require_token(request, tokens)
    query = request.query_string.decode("latin-1")
    here = f"{request.path}?{query}" if query else request.path
    answer = redirect("/login?" + urlencode({"next": here}), 303)
    return Response(answer.get_data(), 303, answer.headers)


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
