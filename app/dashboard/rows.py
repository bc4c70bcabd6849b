"""Every page, form and number of the dashboard; a new one is a module in ``pages`` and a line here.

Their order is the navigation's.
"""

from __future__ import annotations

from app.dashboard.page import Action, Page
from app.dashboard.pages import (
    account,
    activity,
    audit,
    cluster,
    dead,
    deciding,
    decisions,
    difference,
    discarded,
    find,
    group,
    groups,
    help,  # noqa: A004 - a page
    home,
    join,
    ledger,
    letter,
    login,
    moved,
    occurrence,
    occurrences,
    operations,
    parked,
    path_rules,
    preferences,
    queue,
    receipt,
    releases,
    replays,
    rum,
    rum_page,
    saved_views,
    session,
    sessions,
    setup,
    user,
    workers,
)
from app.dashboard.pages.installation import effective, projects, users
from app.dashboard.pages.installation import tokens as installation_tokens
from app.dashboard.pages.settings import keys, members, redaction, retention
from app.dashboard.pages.settings import tokens as project_tokens
from app.dashboard.strip import Tally

PAGES: tuple[Page, ...] = (
    *home.PAGES,
    *groups.PAGES,
    *group.PAGES,
    *activity.PAGES,
    *occurrences.PAGES,
    *difference.PAGES,
    *occurrence.PAGES,
    *rum.PAGES,
    *rum_page.PAGES,
    *path_rules.PAGES,
    *sessions.PAGES,
    *session.PAGES,
    *user.PAGES,
    *operations.PAGES,
    *workers.PAGES,
    *queue.PAGES,
    *dead.PAGES,
    *cluster.PAGES,
    *letter.PAGES,
    *replays.PAGES,
    *parked.PAGES,
    *ledger.PAGES,
    *audit.PAGES,
    *receipt.PAGES,
    *releases.PAGES,
    *decisions.PAGES,
    *discarded.PAGES,
    *setup.PAGES,
    *keys.PAGES,
    *members.PAGES,
    *project_tokens.PAGES,
    *retention.PAGES,
    *redaction.PAGES,
    *users.PAGES,
    *projects.PAGES,
    *installation_tokens.PAGES,
    *effective.PAGES,
    *account.PAGES,
    *find.PAGES,
    *preferences.PAGES,
    *help.PAGES,
    *login.PAGES,
    *join.PAGES,
    *moved.PAGES,
)

ACTIONS: tuple[Action, ...] = (
    *deciding.ACTIONS,
    *decisions.ACTIONS,
    *activity.ACTIONS,
    *saved_views.ACTIONS,
    *discarded.ACTIONS,
    *preferences.ACTIONS,
    *login.ACTIONS,
    *queue.ACTIONS,
    *cluster.ACTIONS,
    *letter.ACTIONS,
    *replays.ACTIONS,
    *parked.ACTIONS,
    *path_rules.ACTIONS,
    *user.ACTIONS,
    *join.ACTIONS,
    *account.ACTIONS,
    *keys.ACTIONS,
    *members.ACTIONS,
    *project_tokens.ACTIONS,
    *retention.ACTIONS,
    *redaction.ACTIONS,
    *users.ACTIONS,
    *projects.ACTIONS,
    *installation_tokens.ACTIONS,
)

TALLIES: tuple[Tally, ...] = (*groups.TALLIES, *operations.TALLIES)

ROWS: tuple[Page | Action, ...] = (*PAGES, *ACTIONS)
