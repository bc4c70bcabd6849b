"""How pages look: theme, density, time zone and keys, kept in a cookie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from zoneinfo import available_timezones

from flask import Response, g
from marshmallow import Schema, fields, validate

from app.dashboard.leading import lead_to
from app.dashboard.moments import UTC_NAME
from app.dashboard.page import Action, Page, Visit
from app.dashboard.preferences import COOKIE, COOKIE_SECONDS, Preferences, is_choice
from app.dashboard.session import local_path, over_https
from app.errors import bad_argument

HERE = "/preferences"
_ELSEWHERE = ("Etc/", "SystemV/", "US/")


class PreferencesForm(Schema):
    """What is to change; ``next`` is the page to go back to."""

    theme = fields.String(load_default=None)
    density = fields.String(load_default=None)
    zone = fields.String(load_default=None, validate=validate.Length(max=100))
    keys = fields.String(load_default=None)
    next = fields.String(load_default=HERE, validate=validate.Length(max=4000))


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """What the reader prefers now, and the zones to choose from."""

    title: str
    preferences: Preferences
    zones: tuple[str, ...]


@cache
def _zones() -> tuple[str, ...]:
    named = (zone for zone in available_timezones() if "/" in zone)
    return (UTC_NAME, *sorted(zone for zone in named if not zone.startswith(_ELSEWHERE)))


def preferences(visit: Visit) -> PreferencesView:
    """What the cookie says."""
    del visit
    return PreferencesView("View", g.looking.preferences, _zones())


def prefer(visit: Visit) -> Response:
    """Change what is given, and keep the rest. Raises ``ApiError`` 400 for what is no choice."""
    given = {name: value for name, value in visit.arguments.items() if value and name != "next"}
    for name, value in given.items():
        if not is_choice(name, value):
            raise bad_argument(name, "is not one of the choices")
    response = lead_to(local_path(visit.arguments["next"]))
    response.set_cookie(
        COOKIE,
        replace(g.looking.preferences, **given).cookie(),
        max_age=COOKIE_SECONDS,
        secure=over_https(),
        httponly=True,
        samesite="Lax",
    )
    return response


PREFERENCES = Page(
    HERE, "preferences", preferences, "pages/preferences.html", needs="nothing", twins=False
)
PAGES = (PREFERENCES,)
ACTIONS = (Action(HERE, "prefer", prefer, PreferencesForm, needs="nothing", again=PREFERENCES),)
