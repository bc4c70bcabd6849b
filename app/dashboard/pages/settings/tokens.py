"""The API tokens of a project, in a tab of its settings."""

from __future__ import annotations

from dataclasses import dataclass

from app.dashboard import links
from app.dashboard.page import Action, Made, Page, SeeOther, Tab, Visit
from app.dashboard.pages.settings.keys import OF
from app.dashboard.tokens import NewTokenForm, RevokeForm, TokenRow, make, revoke, token_row


@dataclass(frozen=True, slots=True)
class TokensView:
    """The good tokens that are good in this project alone and nobody's own."""

    title: str
    tokens: tuple[TokenRow, ...]


def tokens(visit: Visit) -> TokensView:
    """The project's tokens, newest first."""
    found = visit.desk.stores.tokens.list(project_id=visit.of_project.id)
    return TokensView("Tokens", tuple(token_row(one) for one in found if not one.revoked_at))


def create(visit: Visit) -> Made:
    """Make a token of the project."""
    return make(visit, visit.of_project.id)


def withdraw(visit: Visit) -> SeeOther:
    """Revoke a token of the project."""
    project = visit.of_project
    name = revoke(visit, lambda token: (token.project_id, token.user_id) == (project.id, None))
    return SeeOther(links.settings(project, "tokens"), f"The token {name} is revoked.")


TOKENS = Page(
    "/p/<project>/settings/tokens",
    "project_tokens",
    tokens,
    "pages/settings/tokens.html",
    needs="admin",
    table="tokens",
    tab=Tab("Tokens", OF),
)
PAGES = (TOKENS,)
ACTIONS = (
    Action(
        "/p/<project>/settings/tokens",
        "create_project_token",
        create,
        NewTokenForm,
        needs="admin",
        again=TOKENS,
    ),
    Action(
        "/p/<project>/settings/tokens/revoke",
        "revoke_project_token",
        withdraw,
        RevokeForm,
        needs="admin",
        again=TOKENS,
    ),
)
