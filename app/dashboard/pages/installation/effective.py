"""The settings in effect, in a tab of the installation's settings."""

from __future__ import annotations

from dataclasses import dataclass

from app.dashboard import links
from app.dashboard.page import Page, Tab, Visit
from app.dashboard.pages.installation.users import OF
from config.effective import EffectiveSetting, effective_settings


@dataclass(frozen=True, slots=True)
class EffectiveView:
    """Settings of the web process that answers; of secrets only whether they are set."""

    title: str
    settings: tuple[EffectiveSetting, ...]


def effective(visit: Visit) -> EffectiveView:
    """Every setting, in the order of the reference."""
    return EffectiveView("Effective settings", effective_settings(visit.desk.stores.settings))


PAGES = (
    Page(
        links.installation("effective"),
        "effective_settings",
        effective,
        "pages/installation/effective.html",
        needs="operate",
        table="settings",
        tab=Tab("Effective settings", OF),
    ),
)
