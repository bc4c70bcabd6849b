"""One's own account: name, password, sessions, API tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import request
from marshmallow import Schema, fields, validate

from app.api.projects import find_project
from app.dashboard import links
from app.dashboard.page import Action, Made, Page, SeeOther, Visit
from app.dashboard.session import begin_session, session_secret
from app.dashboard.tokens import NewTokenForm, RevokeForm, TokenRow, make, revoke, token_row
from app.errors import ApiError
from app.refusing import telling
from storage.rights import Right
from storage.sql.users import User

HERE = links.account()


class NameForm(Schema):
    """What others see."""

    name = fields.String(load_default="", validate=validate.Length(max=500))


class PasswordForm(Schema):
    """The password of now, and the one from now on."""

    old_password = fields.String(load_default="", validate=validate.Length(max=1000))
    new_password = fields.String(load_default="", validate=validate.Length(max=1000))


class SessionForm(Schema):
    """Which session to end; all but this browser's where it is not said."""

    session = fields.Integer(load_default=None)


class OwnTokenForm(NewTokenForm):
    """A token to make; ``project`` is one of one's own, or all."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))


@dataclass(frozen=True, slots=True)
class RightRow:
    """What one may in a project, or with a null in the whole installation."""

    project: str | None
    right: Right


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A browser that is signed in; ``here`` is this one."""

    id: int
    browser: str
    address: str
    began_at: datetime
    seen_at: datetime
    here: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """``email`` is null for who signed in with an API token, and has nothing to change here."""

    title: str
    name: str
    email: str | None
    rights: tuple[RightRow, ...]
    sessions: tuple[SessionRow, ...] = ()
    tokens: tuple[TokenRow, ...] = ()


def account(visit: Visit) -> AccountView:
    """Who asks, and what is theirs."""
    caller, stores = visit.desk.caller, visit.desk.stores
    everywhere = [RightRow(None, caller.everywhere)] if caller.everywhere else []
    single = [RightRow(grant.project, grant.right) for grant in caller.grants.values()]
    rights = tuple(everywhere + single)
    user = _user(visit)
    if user is None:
        return AccountView("Account", caller.actor, None, rights)
    here = stores.accounts.sessions.number(session_secret())
    sessions = stores.accounts.sessions.of_user(user.id)
    return AccountView(
        "Account",
        user.name,
        user.email,
        rights,
        tuple(
            SessionRow(s.id, s.browser, s.address, s.began_at, s.seen_at, s.id == here)
            for s in sessions
        ),
        tuple(token_row(t) for t in stores.tokens.list(user_id=user.id) if not t.revoked_at),
    )


def rename(visit: Visit) -> SeeOther:
    """Change one's name."""
    user = _require_user(visit)
    with telling("name"):
        visit.desk.stores.accounts.users.rename(user.id, visit.arguments["name"], user.email)
    return SeeOther(HERE, "Your name is changed.")


def change_password(visit: Visit) -> SeeOther:
    """Change one's password; every other session ends."""
    user, given = _require_user(visit), visit.arguments
    signing_in = visit.desk.stores.accounts.signing_in
    secret = signing_in.change_password(
        user,
        given["old_password"],
        given["new_password"],
        request.remote_addr or "",
        request.user_agent.string,
    )
    visit.desk.sessions.forget_all()
    begin_session(secret, signing_in.mark(user.email))
    return SeeOther(HERE, "Your password is changed, and all other sessions are ended.")


def end_sessions(visit: Visit) -> SeeOther:
    """End one of one's sessions, or all but this browser's."""
    user, number = _require_user(visit), visit.arguments["session"]
    sessions = visit.desk.stores.accounts.sessions
    but = session_secret() if number is None else ""
    ended = sessions.end_of_user(user.id, number, user.email, but)
    visit.desk.sessions.forget_all()
    return SeeOther(HERE, "The session is ended." if number else f"{ended} sessions are ended.")


def create_token(visit: Visit) -> Made:
    """Make an API token of one's own."""
    user, name = _require_user(visit), visit.arguments["project"]
    project = find_project(visit.desk, name) if name else None
    return make(visit, project.id if project else None, user.id)


def revoke_token(visit: Visit) -> SeeOther:
    """Revoke an API token of one's own."""
    user = _require_user(visit)
    name = revoke(visit, lambda token: token.user_id == user.id)
    return SeeOther(HERE, f"The token {name} is revoked.")


def _user(visit: Visit) -> User | None:
    """The user who asks; null for a token of nobody's."""
    number = visit.desk.caller.user_id
    return None if number is None else visit.desk.stores.accounts.users.find(number)


def _require_user(visit: Visit) -> User:
    """The user who asks, in a browser: a token must not make another, nor end sessions."""
    user = _user(visit)
    if user is None or visit.desk.caller.token is not None:
        raise ApiError(403, "right_missing", "This is for a user who signed in with a password.")
    return user


ACCOUNT = Page(HERE, "account", account, "pages/account.html", needs="signed_in", table="sessions")
PAGES = (ACCOUNT,)
ACTIONS = (
    Action(f"{HERE}/name", "rename", rename, NameForm, needs="signed_in", again=ACCOUNT),
    Action(
        f"{HERE}/password",
        "change_password",
        change_password,
        PasswordForm,
        needs="signed_in",
        again=ACCOUNT,
    ),
    Action(f"{HERE}/sessions", "end_sessions", end_sessions, SessionForm, needs="signed_in"),
    Action(
        f"{HERE}/tokens",
        "create_own_token",
        create_token,
        OwnTokenForm,
        needs="signed_in",
        again=ACCOUNT,
    ),
    Action(
        f"{HERE}/tokens/revoke", "revoke_own_token", revoke_token, RevokeForm, needs="signed_in"
    ),
)
