"""Breadcrumbs: the story before a crash, each told by how long before it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.dashboard.crash.parts import Picture, list_of, text_of
from app.dashboard.folding import Node, RuleOf, fold, no_rule
from app.dashboard.moments import instant
from app.dashboard.room import Room
from app.dashboard.text import BRIEF_CHARS

LEVELS = ("debug", "info", "warning", "error", "fatal")
_DATA_NODES = 40
_AROUND = 200
_ONE = 2_500
_NAME = 100


@dataclass(frozen=True, slots=True)
class CrumbView:
    """A breadcrumb. ``before`` are seconds before the crash, negative after it; null where the
    clocks do not tell.
    """

    timestamp: str
    before: float | None
    level: str
    category: str
    message: str
    data: Node | None


@dataclass(frozen=True, slots=True)
class CrumbsView:
    """Those of at least the ``level`` asked for; ``hidden`` earlier ones more, ``below`` of lower
    levels. ``sent``: the SDK sent some.
    """

    crumbs: tuple[CrumbView, ...]
    hidden: int
    below: int
    level: str
    sent: bool


def crumbs_view(
    picture: Picture, level: str, most: int, room: Room, rule_of: RuleOf = no_rule
) -> CrumbsView:
    """The breadcrumbs of a picture: of those of a level or above the last, nearest to the crash,
    that there is room for.
    """
    crumbs = [one for one in list_of(picture, "breadcrumbs") if isinstance(one, dict)]
    kept = [one for one in crumbs if _rank(text_of(one, "level")) >= _rank(level)]
    crash = instant(text_of(picture, "occurred_at"))
    shown: list[CrumbView] = []
    for one in kept[: -most - 1 : -1]:
        of_one = Room(_ONE)
        crumb = _crumb(one, crash, of_one, rule_of)
        if not room.take(around=of_one.spent + _AROUND):
            break
        shown.append(crumb)
    return CrumbsView(
        tuple(shown[::-1]),
        len(kept) - len(shown),
        len(crumbs) - len(kept),
        level,
        bool(crumbs),
    )


def _rank(level: str) -> int:
    """Where a level stands; one that is not known says nothing against it."""
    if not level:
        return 0
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _crumb(crumb: Picture, crash: datetime | None, room: Room, rule_of: RuleOf) -> CrumbView:
    timestamp, data = text_of(crumb, "timestamp")[:_NAME], crumb.get("data")
    message, _ = room.capped(text_of(crumb, "message") or _place(crumb), BRIEF_CHARS)
    return CrumbView(
        timestamp,
        _before(timestamp, crash),
        text_of(crumb, "level")[:_NAME],
        " ".join(filter(None, (text_of(crumb, "type"), text_of(crumb, "category"))))[:_NAME],
        message,
        fold(data, _DATA_NODES, rule_of, room) if data else None,
    )


def _before(timestamp: str, crash: datetime | None) -> float | None:
    moment = instant(timestamp)
    return None if moment is None or crash is None else (crash - moment).total_seconds()


def _place(crumb: Picture) -> str:
    names = (text_of(crumb, key) for key in ("class_name", "method", "line"))
    return ":".join(filter(None, names))
