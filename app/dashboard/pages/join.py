"""Where the link of an invitation leads: choosing a password, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import request
from marshmallow import Schema, fields, validate

from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.session import begin_session


class JoinForm(Schema):
    """Who one is, and the password to sign in with from now on."""

    email = fields.String(load_default="", validate=validate.Length(max=500))
    name = fields.String(load_default="", validate=validate.Length(max=500))
    password = fields.String(load_default="", validate=validate.Length(max=1000))


@dataclass(frozen=True, slots=True)
class JoinView:
    """``email`` is null for the first administrator, who says it here; ``action`` is the form's."""

    title: str
    email: str | None
    name: str
    expires_at: datetime
    action: str


def join(visit: Visit) -> JoinView:
    """The form. Looking at it uses the link not up: programs look at links, too."""
    secret = visit.arguments["secret"]
    link = visit.desk.stores.accounts.signing_in.link(secret)
    title = "Welcome to Sluice" if link.email is None else "Choose a password"
    return JoinView(title, link.email, link.name, link.expires_at, links.join(secret))


def use(visit: Visit) -> SeeOther:
    """Set the password and sign in; raises ``ApiError`` 400 and 404."""
    given, signing_in = visit.arguments, visit.desk.stores.accounts.signing_in
    link = signing_in.link(given["secret"])
    secret = signing_in.by_link(
        given["secret"],
        given["email"],
        given["name"] or link.name,
        given["password"],
        request.remote_addr or "",
        request.user_agent.string,
    )
    visit.desk.sessions.forget_all()
    begin_session(secret, signing_in.mark(link.email or given["email"]))
    return SeeOther(links.home(), "Welcome. Sign in with this password from now on.")


JOIN = Page("/join/<secret>", "join", join, "pages/join.html", needs="nothing", twins=False)
PAGES = (JOIN,)
ACTIONS = (Action("/join/<secret>", "use_link", use, JoinForm, needs="nothing", again=JOIN),)
