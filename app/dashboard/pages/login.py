"""Signing in, with a password or an API token, and out."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request
from marshmallow import Schema, fields, validate

from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.session import (
    begin_session,
    end_session,
    known_here,
    local_path,
    session_secret,
)


class LoginArguments(Schema):
    """Where to go afterwards."""

    next = fields.String(load_default=None, validate=validate.Length(max=4000))


class LoginForm(LoginArguments):
    """An e-mail address with its password, or an API token."""

    email = fields.String(load_default="", validate=validate.Length(max=500))
    password = fields.String(load_default="", validate=validate.Length(max=1000))
    token = fields.String(load_default="")


@dataclass(frozen=True, slots=True)
class LoginView:
    """``after`` is the path to go to. ``first`` says that nobody has an account yet."""

    title: str
    after: str
    first: bool


def login(visit: Visit) -> LoginView:
    """The form."""
    users = visit.desk.stores.accounts.users
    first = not visit.gaps.fill("whether accounts are there", users.has_administrator, True)
    return LoginView("Sign in", local_path(visit.arguments["next"]), first)


def start(visit: Visit) -> SeeOther:
    """Begin a session; raises ``ApiError`` 401, and 429 after too many tries."""
    given, signing_in = visit.arguments, visit.desk.stores.accounts.signing_in
    address, browser = request.remote_addr or "", request.user_agent.string
    if given["token"] and not given["email"]:
        begin_session(signing_in.with_token(given["token"], address, browser))
    else:
        secret = signing_in.with_password(
            given["email"], given["password"], address, browser, known_here()
        )
        begin_session(secret, signing_in.mark(given["email"]))
    return SeeOther(local_path(given["next"]))


def end(visit: Visit) -> SeeOther:
    """End the session, here and for every copy of its cookie."""
    secret = session_secret()
    end_session()
    visit.desk.sessions.forget(secret)
    visit.desk.stores.accounts.sessions.end(secret)
    return SeeOther(links.login())


LOGIN = Page(
    "/login", "login", login, "pages/login.html", LoginArguments, needs="nothing", twins=False
)
PAGES = (LOGIN,)
ACTIONS = (
    Action("/login", "start", start, LoginForm, needs="nothing", again=LOGIN),
    Action("/logout", "end", end, needs="nothing"),
)
