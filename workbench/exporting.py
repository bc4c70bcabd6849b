"""Exporting dead letters, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from storage.sql.dead_letters import DeadLetters
from storage.sql.letter_filter import LetterFilter
from workbench.exchange import export_line
from workbench.payloads import Payloads, Unreadable

_PAGE_LETTERS = 100


def export_lines(
    letters: DeadLetters,
    payloads: Payloads,
    wanted: LetterFilter,
    on_unreadable: Callable[[UUID, str], None],
) -> Iterator[bytes]:
    """A line for each letter that matches, newest first; raises :class:`StoreDown`.

    ``on_unreadable`` is told of a letter that is left out, as its payload is gone or damaged.
    """
    cursor: str | None = None
    while True:
        page = letters.list(wanted, cursor, _PAGE_LETTERS)
        for listed in page.items:
            letter = letters.find(listed.id)
            if letter is None:
                continue
            try:
                yield export_line(letter, payloads.original(letter))
            except Unreadable as exc:
                on_unreadable(letter.id, str(exc))
        if (cursor := page.next_cursor) is None:
            return
