"""Forms: their tokens and their fields."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, fields
from werkzeug.datastructures import MultiDict

from app.dashboard.csrf import form_token, require_form_token
from app.dashboard.forms import load_form
from app.errors import ApiError


def test_a_token_is_good_for_its_session_alone() -> None:
    mine: dict[str, Any] = {}
    others: dict[str, Any] = {}
    token = form_token(mine)
    require_form_token(mine, token)
    form_token(others)
    with pytest.raises(ApiError):
        require_form_token(others, token)


def test_no_two_forms_hold_the_same_bytes() -> None:
    session: dict[str, Any] = {}
    tokens = {form_token(session) for _ in range(50)}
    assert len(tokens) == 50
    for token in tokens:
        require_form_token(session, token)
    secret = session["csrf"]
    assert not any(secret in token for token in tokens)


@pytest.mark.parametrize("token", ["", "x", "====", "AAAA", "ü", "a" * 10_000, "\0"])
def test_what_is_no_token(token: str) -> None:
    session: dict[str, Any] = {}
    form_token(session)
    for one in (session, {}, {"csrf": 7}):
        with pytest.raises(ApiError) as caught:
            require_form_token(one, token)
        assert (caught.value.status, caught.value.code) == (403, "form_expired")


class Fields(Schema):
    name = fields.String(load_default=None)
    count = fields.Integer(load_default=3)
    ids = fields.List(fields.Integer(), load_default=list)


def test_fields_of_a_form() -> None:
    form = MultiDict([("csrf", "x"), ("name", "a"), ("count", ""), ("ids", "1"), ("ids", "2")])
    assert load_form(Fields, form, "csrf") == {"name": "a", "count": 3, "ids": [1, 2]}


@pytest.mark.parametrize(
    "pairs",
    [[("name", "a"), ("name", "b")], [("count", "x")], [("other", "x")], [("name", "a\0")]],
)
def test_a_field_that_is_wrong_is_named(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ApiError) as caught:
        load_form(Fields, MultiDict(pairs), "csrf")
    assert (caught.value.status, caught.value.code) == (400, "bad_argument")
    assert caught.value.message.startswith(pairs[0][0])
