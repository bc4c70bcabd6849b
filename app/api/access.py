"""Who may read what: a bearer token, or for receipts the key of the event's own project.

A token has one project, or all. :func:`require_project` is the one check of it: whatever belongs
to another project is 404, as if it were not there.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, Protocol

from flask import Request

from app.errors import ApiError, not_found
from app.ingest.keys import MAX_KEY_CHARS, key_candidates
from storage.sql.tokens import Caller

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sluice"'}
Need = Literal["nothing", "signed_in", "read", "triage", "operate", "admin"]
"""What a page or form asks of who uses it: nothing, to be somebody, or a right in the project or
installation that it is about: to read, to triage groups, to operate queues and dead letters, or to
administer.
"""

MAX_CACHED = 1024
MAX_TOKEN_CHARS = 500


class TokenStore(Protocol):
    """The part of ``storage.sql.tokens.Tokens`` used here."""

    def verify(self, token: str) -> Caller | None: ...


class TokenCheck:
    """Token → who it speaks for. Good ones are remembered for ``seconds``: a page of calls asks
    PostgreSQL once. Bounded, thread-safe; unknown tokens are not remembered, so none can push
    out a good one.
    """

    def __init__(
        self, tokens: TokenStore, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tokens = tokens
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    def caller(self, token: str) -> Caller | None:
        """Who a token speaks for, null when there is no such token; raises ``StoreDown``."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        now = self._clock()
        with self._lock:
            known = self._known.get(digest)
        if known and known[1] > now:
            return known[0]
        caller = self._tokens.verify(token)
        if caller is not None:
            self._remember(digest, caller, now + self._seconds)
        return caller

    def _remember(self, digest: bytes, caller: Caller, until: float) -> None:
        with self._lock:
            self._known[digest] = (caller, until)
            self._known.move_to_end(digest)
            while len(self._known) > MAX_CACHED:
                self._known.popitem(last=False)


def bearer(request: Request) -> str | None:
    """The token of ``Authorization: Bearer …``, or null when the header has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    # A token holds no NUL, which PostgreSQL would refuse; no real one is this long either.
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARS or "\0" in token:
        return None
    return token


def require_token(request: Request, tokens: TokenCheck) -> Caller:
    """Who the request's token speaks for; raises ``ApiError`` 401."""
    token = bearer(request)
    if token is None:
        raise ApiError(
            401, "token_missing", "Send an API token: Authorization: Bearer <token>.", CHALLENGE
        )
    caller = tokens.caller(token)
    if caller is None:
        raise ApiError(401, "token_unknown", "There is no such API token.", CHALLENGE)
    return caller


def require_project(caller: Caller, project_id: int | None, what: str) -> None:
    """The check of everything that belongs to a project, null for all of them.

    Raises ``ApiError``: 404 for another project's, as if there were no such ``what``, and 403
    ``token_limited`` for what belongs to the whole installation.
    """
    if caller.project_id is None:
        return
    if project_id is None:
        raise ApiError(
            403,
            "token_limited",
            f"This token is of project {caller.project}; {what} needs one of all projects.",
        )
    if not caller.sees(project_id):
        raise not_found(what)


def require_right(caller: Caller, need: Need, project_id: int | None, what: str) -> None:
    """The check of a page or form: whether who asks has the right that it needs, in the project of
    a number, or null in the installation. Raises ``ApiError`` as :func:`require_project`.
    """
    if need not in ("nothing", "signed_in"):
        require_project(caller, project_id, what)


def request_keys(request: Request) -> list[str]:
    """The readings of the project key a request carries, likeliest first; may be empty."""
    keys = key_candidates(request.headers, request.query_string.decode("latin-1"))
    return [key for key in keys if len(key) <= MAX_KEY_CHARS and "\0" not in key]
