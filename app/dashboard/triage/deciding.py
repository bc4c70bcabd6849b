"""What a form decides on groups, as the API's arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from app.errors import bad_argument
from storage.query.keys import ME

#: How long groups can be ignored for, as forms offer it.
TERMS = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_MOST = 1_000_000_000

_NOTHING: dict[str, Any] = {
    "version": None,
    "after": False,
    "next": False,
    "until": None,
    "count": None,
    "users": None,
    "assignee": None,
    "reason": "",
    "into": None,
    "merge": None,
}


_Form = Mapping[str, Any]


def _nothing(_form: _Form, _now: datetime) -> dict[str, Any]:
    return {}


def _in_version(form: _Form, _now: datetime) -> dict[str, Any]:
    return {"version": _needed(form, "version", "say in which version it is resolved")}


def _until(form: _Form, now: datetime) -> dict[str, Any]:
    term, count, users = form["term"], form["count"], form["users"]
    if not (term or count or users):
        raise bad_argument("term", "say until when, or until how many more occurrences or users")
    return {"until": now + TERMS[term] if term else None, "count": count, "users": users}


def _to(form: _Form, _now: datetime) -> dict[str, Any]:
    return {"assignee": _needed(form, "assignee", "say to whom")}


def _reason(form: _Form, _now: datetime) -> dict[str, Any]:
    return {"reason": form["reason"]}


def _needed(form: _Form, name: str, why: str) -> str:
    value = str(form[name]).strip()
    if not value:
        raise bad_argument(name, why)
    return value


DECISIONS: dict[str, tuple[str, Callable[[_Form, datetime], dict[str, Any]]]] = {
    "resolve": ("resolve", _nothing),
    "resolve_next": ("resolve", lambda _form, _now: {"next": True}),
    "resolve_in": ("resolve", _in_version),
    "reopen": ("reopen", _nothing),
    "ignore": ("ignore", _nothing),
    "ignore_until": ("ignore", _until),
    "take": ("assign", lambda _form, _now: {"assignee": ME}),
    "assign": ("assign", _to),
    "unassign": ("assign", _nothing),
    "merge": ("merge", _nothing),
    "discard": ("discard", _reason),
    "undiscard": ("undiscard", _nothing),
}
"""Buttons, each with the verb that it stands for and what it reads of the form."""


def _text(most: int) -> fields.String:
    return fields.String(load_default="", validate=validate.Length(max=most))


def _more() -> fields.Integer:
    return fields.Integer(load_default=None, validate=validate.Range(min=1, max=_MOST))


class DecisionForm(Schema):
    """``do`` is the button that was pressed; of the other fields those count that belong to it.

    ``next`` is the page to go back to.
    """

    do = fields.String(required=True, validate=validate.OneOf(list(DECISIONS)))
    version = _text(200)
    term = fields.String(load_default=None, validate=validate.OneOf(list(TERMS)))
    count = _more()
    users = _more()
    assignee = _text(200)
    reason = _text(1000)
    next = fields.String(load_default=None, validate=validate.Length(max=4000))


def decision_of(form: Mapping[str, Any], now: datetime) -> tuple[str, dict[str, Any]]:
    """The verb that a form asks for, and its arguments. Raises ``ApiError`` 400 for a field that
    its button needs.
    """
    verb, read = DECISIONS[form["do"]]
    return verb, _NOTHING | read(form, now)
