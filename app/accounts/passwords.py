"""Passwords: argon2id (RFC 9106), with the parameters that OWASP's cheat sheet gives for servers.

A hash takes about 0.1 s of CPU and 12 MiB, on purpose. So there is one thread for them a process,
whose memory they use again, and who waits too long for it is turned away: a flood of sign-ins
neither fills the memory nor takes the threads of the web tier.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from app.errors import ApiError, bad_argument
from app.outage import RETRY_AFTER_SECONDS

LEAST_CHARS = 12
MOST_CHARS = 500
LEAST_KINDS = 5
"""Fewest different characters of a password."""
WAITING = 32
PATIENCE_SECONDS = 10.0

_PASSES = 3
_KIBIBYTES = 12 * 1024

T = TypeVar("T")


class Passwords:
    """Hashes and verifies, one after the other. Safe for threads."""

    def __init__(
        self,
        *,
        passes: int = _PASSES,
        kibibytes: int = _KIBIBYTES,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=kibibytes, parallelism=1)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._room = BoundedSemaphore(WAITING)
        self._patience = patience

    def hash(self, password: str) -> str:
        """What is kept of a password, in the PHC format. Raises ``ApiError`` 503 when too busy."""
        return self._run(lambda: self._hasher.hash(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one that was kept. Null, for nobody's, takes the same time.

        Raises ``ApiError`` 503 when too busy.
        """
        return self._run(lambda: self._verify(kept, password))

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _of_nobody(self) -> str:
        return self._hasher.hash("")

    def _verify(self, kept: str | None, password: str) -> bool:
        nobodys = self._of_nobody  # made at the first call, whoever it is for
        try:
            return self._hasher.verify(kept or nobodys, password) and kept is not None
        except (VerifyMismatchError, InvalidHashError):
            return False

    def _run(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise _busy()
        future = self._pool.submit(work)
        future.add_done_callback(lambda _done: self._room.release())
        try:
            return future.result(self._patience)
        except TimeoutError:
            future.cancel()
            raise _busy() from None


def checked_password(password: str, *known: str) -> str:
    """A password that somebody chose; raises ``ApiError`` 400 for one that is short, or that is one
    of the words ``known`` of its owner. Length is what counts (NIST SP 800-63B): no other rules.
    """
    if not LEAST_CHARS <= len(password) <= MOST_CHARS:
        raise bad_argument("password", f"has {LEAST_CHARS} to {MOST_CHARS} characters")
    if len(set(password)) < LEAST_KINDS or password.lower() in {one.lower() for one in known}:
        raise bad_argument("password", "is too easy to guess")
    return password


def _busy() -> ApiError:
    return ApiError(
        503,
        "unavailable",
        "Too many people sign in at this moment; try again in a few seconds.",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
