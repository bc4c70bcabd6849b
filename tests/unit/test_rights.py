"""Rights: which includes which, what roles give, and what is left of a user within a token."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.api.access import Need, require_right
from app.api.names import narrowed
from app.errors import ApiError
from storage.rights import (
    INSTALLATION_ROLES,
    NOBODY,
    PROJECT_ROLES,
    RIGHTS,
    Caller,
    Grant,
    Right,
    by_token,
    of_project,
)

SHOP, BLOG, OTHER = 1, 2, 3
ANN = Caller(
    "ann@example.com", None, {SHOP: Grant("shop", "admin"), BLOG: Grant("blog", "read")}, 7
)
OPERATOR = Caller("op@example.com", "operate", {SHOP: Grant("shop", "admin")}, 8)
ROOT = Caller("root", "admin")


def refusal(ask: Callable[[], object]) -> tuple[int | None, str | None]:
    """Status and code of what is refused; nulls when it is not."""
    try:
        ask()
    except ApiError as exc:
        return exc.status, exc.code
    return None, None


def test_each_right_includes_those_before_it() -> None:
    for n, right in enumerate(RIGHTS):
        caller = Caller("x", right)
        assert [caller.may(one, None) for one in RIGHTS] == [m <= n for m in range(len(RIGHTS))]


def test_roles_give_rights() -> None:
    assert PROJECT_ROLES == {"viewer": "read", "member": "triage", "admin": "admin"}
    assert INSTALLATION_ROLES == {"operator": "operate", "admin": "admin"}


@pytest.mark.parametrize(
    ("caller", "project", "right"),
    [
        (ANN, SHOP, "admin"),
        (ANN, BLOG, "read"),
        (ANN, OTHER, None),
        (ANN, None, None),
        (OPERATOR, SHOP, "admin"),  # the greater of both
        (OPERATOR, OTHER, "operate"),
        (OPERATOR, None, "operate"),
        (NOBODY, SHOP, None),
        (NOBODY, None, None),
    ],
)
def test_the_right_in_a_place(caller: Caller, project: int | None, right: Right | None) -> None:
    assert caller.right_in(project) == right


def test_projects_of_a_right() -> None:
    assert ANN.projects() == [SHOP, BLOG]
    assert ANN.projects("triage") == [SHOP]
    assert OPERATOR.projects("operate") is None
    assert OPERATOR.projects("admin") == [SHOP]
    assert NOBODY.projects() == []


def test_a_token_leaves_no_more_than_its_user_has() -> None:
    reading = by_token(ANN, "ci", "triage", None)
    assert (reading.right_in(SHOP), reading.right_in(BLOG)) == ("triage", "read")
    assert reading.right_in(None) is None
    assert reading.actor == "ann@example.com by token ci"
    assert (reading.name, reading.user_id) == ("ann@example.com", 7)
    of_blog = by_token(ANN, "ci", "admin", (BLOG, "blog"))
    assert (of_blog.right_in(SHOP), of_blog.right_in(BLOG)) == (None, "read")
    foreign = by_token(ANN, "ci", "admin", (OTHER, "other"))
    assert foreign.projects() == []
    narrow = by_token(OPERATOR, "ci", "admin", (OTHER, "other"))
    assert (narrow.right_in(OTHER), narrow.right_in(None)) == ("operate", None)


@pytest.mark.parametrize(
    ("caller", "need", "project", "status", "code"),
    [
        (ANN, "read", SHOP, None, None),
        (ANN, "admin", SHOP, None, None),
        (ANN, "triage", BLOG, 403, "right_missing"),
        (ANN, "read", OTHER, 404, "not_found"),
        (ANN, "signed_in", OTHER, 404, "not_found"),
        (ANN, "signed_in", None, None, None),
        (ANN, "read", None, 403, "token_limited"),
        (OPERATOR, "admin", None, 403, "right_missing"),
        (OPERATOR, "admin", OTHER, 403, "right_missing"),
        (ROOT, "admin", None, None, None),
        (NOBODY, "nothing", None, None, None),
        (NOBODY, "nothing", SHOP, 404, "not_found"),
    ],
)
def test_the_check(
    caller: Caller, need: Need, project: int | None, status: int | None, code: str | None
) -> None:
    told = refusal(lambda: require_right(caller, need, project, "thing"))
    assert told == (status, code)


@pytest.mark.parametrize(
    ("caller", "asked", "need", "given"),
    [
        (ROOT, None, "read", None),
        (ROOT, "any", "admin", "any"),
        (ANN, "blog", "read", "blog"),
        (ANN, None, "admin", "shop"),  # the only one
        (of_project("t", SHOP, "shop", "read"), None, "read", "shop"),
    ],
)
def test_a_filter_is_narrowed(caller: Caller, asked: str | None, need: Right, given: str) -> None:
    assert narrowed({"project": asked}, caller, need) == {"project": given}


@pytest.mark.parametrize(
    ("caller", "asked", "need", "status", "code"),
    [
        (ANN, None, "read", 400, "bad_argument"),  # which of two?
        (ANN, "other", "read", 400, "bad_argument"),
        (ANN, "blog", "admin", 403, "right_missing"),
        (NOBODY, None, "read", 403, "right_missing"),
        (NOBODY, "shop", "read", 400, "bad_argument"),
        (OPERATOR, None, "admin", None, None),
    ],
)
def test_a_filter_that_cannot_be_narrowed(
    caller: Caller, asked: str | None, need: Right, status: int | None, code: str | None
) -> None:
    assert refusal(lambda: narrowed({"project": asked}, caller, need)) == (status, code)
