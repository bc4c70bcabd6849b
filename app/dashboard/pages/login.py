"""Signing in and out."""

from __future__ import annotations

from dataclasses import dataclass

from flask import session
from marshmallow import Schema, fields, validate

from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.session import local_path, sign_in
from app.errors import ApiError


class LoginArguments(Schema):
    """Where to go afterwards."""

    next = fields.String(load_default=None, validate=validate.Length(max=4000))


class LoginForm(LoginArguments):
    """An API token."""

    token = fields.String(load_default="")


@dataclass(frozen=True, slots=True)
class LoginView:
    """``after`` is the path to go to."""

    title: str
    after: str


def login(visit: Visit) -> LoginView:
    """The form."""
    return LoginView("Sign in", local_path(visit.arguments["next"]))


def start(visit: Visit) -> SeeOther:
    """Begin a session; raises ``ApiError`` 401 for a token that is none."""
    if not sign_in(visit.desk.tokens, visit.arguments["token"]):
        raise ApiError(401, "token_unknown", "There is no such API token.")
    return SeeOther(local_path(visit.arguments["next"]))


def end(visit: Visit) -> SeeOther:
    """End the session."""
    del visit
    session.clear()
    return SeeOther(links.login())


LOGIN = Page(
    "/login", "login", login, "pages/login.html", LoginArguments, needs="nothing", twins=False
)
PAGES = (LOGIN,)
ACTIONS = (
    Action("/login", "start", start, LoginForm, needs="nothing", again=LOGIN),
    Action("/logout", "end", end, needs="nothing"),
)
