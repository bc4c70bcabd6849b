"""Looking for events to erase, a bounded page at a time: packs or rows, dead letters, parked ones.

A user's events are found by reading the payloads in packs: rows keep one name of a user only, and
search may lack documents and cuts what is long. Whatever is met may be met again: repeating finds
nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from config.policy import EVENT_TYPES
from events.envelope import Envelope
from events.ids import id_time
from storage.erasure import Erasure
from storage.errors import Corrupt, NotFound
from storage.files.index import Entry
from storage.files.store import FileStore
from storage.sql.erasable import Erasable
from storage.sql.erasing import Found
from storage.sql.letter_rows import DeadLetterRow
from workbench.erasure.matching import Match, sdk_ids_of
from workbench.erasure.model import Finds
from workbench.payloads import Payloads, Unreadable

#: Events of one page at the most, where a page is not one pack.
PAGE_EVENTS = 500
_PAGE_LETTERS = 100
_PAGE_PACKS = 20
#: A session is looked for so long before and after the events that name it.
_SESSION_SPAN = timedelta(hours=24)

_TYPES = frozenset(row.name for row in EVENT_TYPES)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finder:
    """Methods raise ``StoreDown``."""

    erasable: Erasable
    files: FileStore
    payloads: Payloads

    def page(self, erasure: Erasure, match: Match) -> Finds:
        """The next page of what an erasure is about, from its progress."""
        parts: dict[str, Callable[[Erasure, Match], Finds]] = {
            "packs": self._packs,
            "rows": self._rows,
            "letters": self._letters,
        }
        return parts[erasure.progress["part"]](erasure, match)

    def _rows(self, erasure: Erasure, match: Match) -> Finds:
        """Rows of an event or a project; those found go, so the next page has others."""
        if match.event_id is not None:
            found = self.erasable.event(match.event_id)
        else:
            found = self.erasable.of_project(match.project_id or 0, PAGE_EVENTS)
        finds = Finds(dict(erasure.progress))
        for type_name, rows in found.items():
            finds.events[type_name] = [one for one in rows if match.fits(one.id, one.project_id)]
        if match.event_id is not None:
            for one in (row for rows in found.values() for row in rows):
                self._telling(finds, one.project_id, self.erasable.sdk_ids(one.id))
        if match.event_id is not None or not found:
            finds.following = part_of(erasure, "letters")
        return finds

    def _packs(self, erasure: Erasure, match: Match) -> Finds:
        """The user's events in the next packs, up to the first with some."""
        after, since = erasure.progress.get("after"), erasure.progress.get("since")
        packs = self.erasable.packs(
            match.project_id or 0,
            UUID(after) if after else None,
            datetime.fromisoformat(since) if since else None,
            _PAGE_PACKS,
        )
        finds = Finds(part_of(erasure, "letters"))
        for pack_id, key, type_name in packs:
            finds.following = {**erasure.progress, "after": str(pack_id)}
            self._read(finds, match, pack_id, key, type_name)
            if finds.events:
                break
        return finds

    def _read(self, finds: Finds, match: Match, pack_id: UUID, key: str, type_name: str) -> None:
        damaged: list[Entry] = []
        mine: list[Envelope] = []
        try:
            for packed in self.files.read_wanted(
                key, lambda e: match.fits(UUID(bytes=e.id), e.project_id), damaged.extend
            ):
                if match.owns(packed.envelope):
                    mine.append(packed.envelope)
        except NotFound:
            return  # merged meanwhile: its events are in a pack that comes later
        except Corrupt as exc:
            _log.error("erasure_pack_unreadable", pack=str(pack_id), reason=exc.detail)
            finds.unreadable += 1
            return
        found = {one.id: Found(one.id, one.project_id, pack_id) for one in mine}
        found |= self._by_row(damaged, match, pack_id, type_name)
        finds.unreadable += len(damaged)
        self._sessions(finds, match, mine)
        if match.project_id is not None:
            self._telling(finds, match.project_id, sdk_ids_of(mine))
        if found:
            finds.events[type_name].extend(found.values())

    def _by_row(
        self, damaged: Iterable[Entry], match: Match, pack_id: UUID, type_name: str
    ) -> dict[UUID, Found]:
        """Of events whose payload is damaged, those that their row calls the user's."""
        projects = {UUID(bytes=entry.id): entry.project_id for entry in damaged}
        if not projects or match.subject is None:
            return {}
        users = self.erasable.users_of(type_name, list(projects))
        return {
            event_id: Found(event_id, projects[event_id], pack_id)
            for event_id, name in users.items()
            if match.subject.is_user([name])
        }

    def _sessions(self, finds: Finds, match: Match, mine: list[Envelope]) -> None:
        """Events of the same sessions that do not name the user themselves."""
        sessions = match.sessions(mine)
        if not sessions or match.subject is None or match.hasher is None:
            return
        project_id = match.subject.project_id
        finds.sessions |= {match.hasher.session(project_id, one) for one in sessions}
        times = [id_time(one.id) for one in mine]
        first, last = min(times) - _SESSION_SPAN, max(times) + _SESSION_SPAN
        finds.events["rum"].extend(self.erasable.of_sessions(project_id, sessions, first, last))

    def _telling(self, finds: Finds, project_id: int, sdk_ids: set[UUID]) -> None:
        """Events that tell more of those found: files of theirs that came later, feedback."""
        for type_name, rows in self.erasable.telling(project_id, sdk_ids).items():
            finds.events[type_name].extend(rows)

    def _letters(self, erasure: Erasure, match: Match) -> Finds:
        after, since = erasure.progress.get("after"), erasure.progress.get("since")
        letters = self.erasable.letters(
            project_id=match.project_id,
            event_id=match.event_id,
            after=UUID(after) if after else None,
            since=datetime.fromisoformat(since) if since else None,
            limit=_PAGE_LETTERS,
        )
        finds = Finds(part_of(erasure, "parked"))
        for letter in letters:
            finds.following = {**erasure.progress, "after": str(letter.id)}
            if letter.type in _TYPES and self._is_meant(finds, letter, match):
                finds.events[letter.type].append(Found(letter.event_id, letter.project_id))
        return finds

    def _is_meant(self, finds: Finds, letter: DeadLetterRow, match: Match) -> bool:
        if match.subject is None:
            return match.fits(letter.event_id, letter.project_id)
        bodies = [letter.edited] if letter.edited is not None else []
        try:
            bodies.append(self.payloads.original(letter))
        except Unreadable:
            finds.unreadable += 1
        return any(
            match.owns(
                Envelope(letter.event_id, letter.project_id, letter.type, letter.protocol, body)
            )
            for body in bodies
        )


def part_of(erasure: Erasure, part: str) -> dict[str, Any]:
    """The beginning of another part of the same pass."""
    kept = ((name, erasure.progress.get(name)) for name in ("since", "began"))
    return {"part": part, **{name: value for name, value in kept if value is not None}}
