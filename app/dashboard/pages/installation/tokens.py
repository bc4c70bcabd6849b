"""All API tokens, in a tab of the installation's settings."""

from __future__ import annotations

from dataclasses import dataclass

from app.dashboard import links
from app.dashboard.page import Action, Made, Page, SeeOther, Tab, Visit
from app.dashboard.pages.installation.users import OF
from app.dashboard.tokens import NewTokenForm, RevokeForm, TokenRow, make, revoke, token_row

HERE = links.installation("tokens")


@dataclass(frozen=True, slots=True)
class AllTokensView:
    """Every good token: the installation's, projects' and users' own."""

    title: str
    tokens: tuple[TokenRow, ...]


def tokens(visit: Visit) -> AllTokensView:
    """Every good token, newest first."""
    found = visit.desk.stores.tokens.list()
    return AllTokensView("Tokens", tuple(token_row(one) for one in found if not one.revoked_at))


def create(visit: Visit) -> Made:
    """Make a token that is good in all projects and the installation."""
    return make(visit, None)


def withdraw(visit: Visit) -> SeeOther:
    """Revoke any token."""
    name = revoke(visit, lambda _token: True)
    return SeeOther(HERE, f"The token {name} is revoked.")


TOKENS = Page(
    HERE,
    "all_tokens",
    tokens,
    "pages/installation/tokens.html",
    needs="admin",
    table="tokens",
    tab=Tab("Tokens", OF),
)
PAGES = (TOKENS,)
ACTIONS = (
    Action(HERE, "create_token", create, NewTokenForm, again=TOKENS),
    Action(f"{HERE}/revoke", "revoke_token", withdraw, RevokeForm, again=TOKENS),
)
