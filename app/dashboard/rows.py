"""Every page, form and number of the dashboard; a new one is a module in ``pages`` and a line here.

Their order is the navigation's.
"""

from __future__ import annotations

from app.dashboard.page import Action, Page
from app.dashboard.pages import (
    activity,
    deciding,
    decisions,
    difference,
    discarded,
    find,
    group,
    groups,
    help,  # noqa: A004 - a page
    home,
    login,
    moved,
    occurrence,
    occurrences,
    preferences,
    releases,
    saved_views,
)
from app.dashboard.strip import Tally

PAGES: tuple[Page, ...] = (
    *home.PAGES,
    *groups.PAGES,
    *group.PAGES,
    *activity.PAGES,
    *occurrences.PAGES,
    *difference.PAGES,
    *occurrence.PAGES,
    *releases.PAGES,
    *decisions.PAGES,
    *discarded.PAGES,
    *find.PAGES,
    *preferences.PAGES,
    *help.PAGES,
    *login.PAGES,
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
)

TALLIES: tuple[Tally, ...] = (*groups.TALLIES,)

ROWS: tuple[Page | Action, ...] = (*PAGES, *ACTIONS)
