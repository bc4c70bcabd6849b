"""Signing in: with a password, with an API token, and by the link of an invitation.

Tries are bounded by account and by address. Nothing tells whether an account is there: neither the
answer, nor how long it takes, nor when tries are refused.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil

import structlog

from app.accounts.passwords import Passwords, checked_password
from app.api.access import MAX_TOKEN_CHARS
from app.errors import ApiError, not_found
from app.refusing import telling
from config.settings import Secret
from storage.sql.page_sessions import PageSessions
from storage.sql.password_links import PasswordLink, PasswordLinks
from storage.sql.sign_in_tries import SignInTries
from storage.sql.users import User, Users, folded

MOST_OF_ACCOUNT = 10
MOST_OF_ADDRESS = 50
"""Tries within ``storage.sql.sign_in_tries.WINDOW``. Many people may share an address."""
_IPV6_NETWORK_BITS = 64
_MARK_CHARS = 16

log = structlog.get_logger(__name__)


class SigningIn:
    """Begins sessions; each gives the secret of one. Safe for threads.

    ``key`` hashes accounts and addresses where tries are counted. Methods raise ``ApiError`` and
    ``StoreDown``.
    """

    def __init__(
        self,
        users: Users,
        sessions: PageSessions,
        links: PasswordLinks,
        tries: SignInTries,
        passwords: Passwords,
        key: bytes,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._links = links
        self._tries = tries
        self._passwords = passwords
        self._key = key

    def with_password(
        self, email: str, password: str, address: str, browser: str, known: Collection[str] = ()
    ) -> str:
        """A session of a user. Raises 401 ``sign_in_failed``, and 429 after too many tries.

        ``known`` are the marks (:meth:`mark`) of users who have signed in at this browser. Their
        tries are counted apart, so that nobody else can keep them out.
        """
        is_known = self.mark(email) in known
        user_id = self._tried(email, password, address, "known" if is_known else "account")
        if user_id is None:
            log.warning("sign_in_failed", address=address)
            raise ApiError(401, "sign_in_failed", "The e-mail address or the password is wrong.")
        return self._sessions.begin(user_id, address, browser)

    def with_token(self, token: str, address: str, browser: str) -> str:
        """A session that speaks for an API token. Raises 401 ``token_unknown``, and 429."""
        token = token.strip()
        self._count(address=address)
        fits = token and len(token) <= MAX_TOKEN_CHARS and "\0" not in token
        secret = self._sessions.begin_with_token(token, address, browser) if fits else None
        if secret is None:
            raise ApiError(401, "token_unknown", "There is no such API token.")
        self._tries.take_back(self._bucket("address", _network(address)))
        return secret

    def link(self, secret: str) -> PasswordLink:
        """What a link is for. Raises 404 for one that is good no more."""
        found = self._links.find(secret)
        if found is None:
            raise not_found("link, or it was used, or it has expired: ask for a new one")
        return found

    def by_link(
        self, secret: str, email: str, name: str, password: str, address: str, browser: str
    ) -> str:
        """Set the password of a link's user, who is signed in then; ``email`` is that of the first
        administrator. Raises 400 for what is not fit, 404 for a link that is good no more.
        """
        found = self.link(secret)
        kept = self._passwords.hash(checked_password(password, found.email or email, name))
        with telling("link"):
            user_id = self._links.use(secret, kept, name, email)
        return self._sessions.begin(user_id, address, browser)

    def change_password(self, user: User, old: str, new: str, address: str, browser: str) -> str:
        """Change a password: all sessions of the user end, and a new one begins."""
        if self._tried(user.email, old, address, "known") is None:
            raise ApiError(401, "sign_in_failed", "The present password is wrong.")
        kept = self._passwords.hash(checked_password(new, user.email, user.name))
        with telling("password"):
            self._users.set_password_hash(user.id, kept, user.email)
        return self._sessions.begin(user.id, address, browser)

    def mark(self, email: str) -> str:
        """What a browser keeps of a user who signed in there."""
        return self._bucket("mark", folded(email)).hex()[:_MARK_CHARS]

    def _tried(self, email: str, password: str, address: str, kind: str) -> int | None:
        """The user of an e-mail address and password; null for nobody."""
        account = self._bucket(kind, folded(email))
        self._count(account, address)
        found = self._users.password_hash(email)
        user_id, kept = found or (None, None)
        if not self._passwords.fits(kept, password) or user_id is None or kept is None:
            return None
        self._tries.forget(account)
        self._tries.take_back(self._bucket("address", _network(address)))
        if self._passwords.is_old(kept):
            self._users.renew_password_hash(user_id, kept, self._passwords.hash(password))
        return user_id

    def _count(self, account: bytes | None = None, address: str = "") -> None:
        """Count a try before it is made. Raises 429 when there were too many."""
        most = {self._bucket("address", _network(address)): MOST_OF_ADDRESS}
        if account is not None:
            most[account] = MOST_OF_ACCOUNT
        counted = self._tries.count(most)
        waits = [one.seconds_left for bucket, one in counted.items() if one.tries > most[bucket]]
        if waits:
            log.warning("sign_in_refused", address=address)
            minutes = ceil(max(waits) / 60)
            raise ApiError(
                429,
                "rate_limited",
                f"Too many tries to sign in: try again in {minutes} minutes.",
                {"Retry-After": str(ceil(max(waits)))},
            )

    def _bucket(self, kind: str, name: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\0{name}".encode(), hashlib.sha256)


def tries_key(session_key: Secret) -> bytes:
    """The key that accounts and addresses are hashed with, of an installation."""
    return hmac.digest(session_key.reveal().encode(), b"sluice sign-in tries 1", hashlib.sha256)


def _network(address: str) -> str:
    """An address, or of IPv6 the network that one customer has."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(IPv6Network((known, _IPV6_NETWORK_BITS), strict=False))
    return str(known)
