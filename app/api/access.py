"""Who asks, and what they may: by an API token, a page's session, or for receipts a project's key.

:func:`require_right` is the one check: whatever belongs to a project that a caller may not see is
404, as if it were not there.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

from flask import Request

from app.errors import ApiError, not_found
from app.ingest.keys import MAX_KEY_CHARS, key_candidates
from storage.rights import RIGHTS, Caller, Right

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sluice"'}
Need: TypeAlias = Literal["nothing", "signed_in"] | Right
"""What a page, form or endpoint asks of who uses it: nothing, to be somebody, or a right where it
belongs. In a project, who needs no right must see the project all the same.
"""

MAX_CACHED = 1024
MAX_TOKEN_CHARS = 500


class Verifier(Protocol):
    """What knows who a secret speaks for: API tokens, or the sessions of pages."""

    def verify(self, secret: str, /) -> Caller | None: ...


class CallerCheck:
    """Secret → who it speaks for. Good ones are remembered for ``seconds``: a page of calls asks
    PostgreSQL once. Bounded, thread-safe; unknown ones are not remembered, so none can push out a
    good one.
    """

    def __init__(
        self, verifier: Verifier, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._verifier = verifier
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    def caller(self, secret: str) -> Caller | None:
        """Who a secret speaks for, null when it is none; raises ``StoreDown``."""
        digest = _digest(secret)
        now = self._clock()
        with self._lock:
            known = self._known.get(digest)
        if known and known[1] > now:
            return known[0]
        caller = self._verifier.verify(secret)
        if caller is not None:
            self._remember(digest, caller, now + self._seconds)
        return caller

    def forget(self, secret: str) -> None:
        """Ask anew for a secret, in this process."""
        with self._lock:
            self._known.pop(_digest(secret), None)

    def forget_all(self) -> None:
        """Ask anew for every secret, in this process: somebody's rights were changed here."""
        with self._lock:
            self._known.clear()

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


def require_token(request: Request, tokens: CallerCheck) -> Caller:
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


def has_right(caller: Caller, need: Need, project_id: int | None) -> bool:
    """Whether a caller has the right needed, in a project or, by null, in the installation."""
    if project_id is None and need in ("nothing", "signed_in"):
        return True
    return caller.may(right_of(need), project_id)


def require_right(caller: Caller, need: Need, project_id: int | None, what: str) -> None:
    """The check of everything: whether a caller has the right that is needed, in the project of a
    number or, by null, in the installation.

    Raises ``ApiError``: 404 for what is of a project that the caller may not see, as if there were
    no such ``what``; 403 ``right_missing`` where the caller sees it and has a lesser right, and
    ``token_limited`` for what is of the installation to whom has rights in projects alone.
    """
    if has_right(caller, need, project_id):
        return
    if project_id is None and caller.everywhere is None:
        raise ApiError(
            403,
            "token_limited",
            f"Rights in single projects do not reach {what}: it needs one in the installation.",
        )
    if project_id is not None and not caller.sees(project_id):
        raise not_found(what)
    raise right_missing(
        right_of(need), "the installation" if project_id is None else "this project"
    )


def right_of(need: Need) -> Right:
    """The right in a project that a need comes to."""
    return _RIGHTS[need]


def right_missing(right: Right, where: str) -> ApiError:
    """The 403 of a caller whose right is a lesser one."""
    return ApiError(403, "right_missing", f"This needs the right to {_WORDS[right]} in {where}.")


def request_keys(request: Request) -> list[str]:
    """The readings of the project key a request carries, likeliest first; may be empty."""
    keys = key_candidates(request.headers, request.query_string.decode("latin-1"))
    return [key for key in keys if len(key) <= MAX_KEY_CHARS and "\0" not in key]


_RIGHTS: dict[Need, Right] = {
    "nothing": "read",
    "signed_in": "read",
    **{right: right for right in RIGHTS},
}
_WORDS: dict[Right, str] = {
    "read": "read",
    "triage": "triage",
    "operate": "operate queues and dead letters",
    "admin": "administer",
}


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
