"""What is said once, on the page that a form leads to."""

from __future__ import annotations

from dataclasses import dataclass

from flask import session

_KEPT = "said"
_MOST = 5
_MOST_CHARS = 500


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence; ``undo`` is the path of an action that takes back what it tells of, whose field
    ``next`` is the page to go back to.
    """

    text: str
    undo: str = ""


def say(notice: Notice) -> None:
    """Keep a notice in the session until the next page."""
    kept = session.get(_KEPT) or []
    session[_KEPT] = [*kept, [notice.text[:_MOST_CHARS], notice.undo]][-_MOST:]


def said() -> list[Notice]:
    """The notices kept, which are then forgotten."""
    return [Notice(text, undo) for text, undo in session.pop(_KEPT, None) or []]
