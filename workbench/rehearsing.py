"""The process of a dry run: ``python -m workbench.rehearsing LETTER``, a line of JSON a step."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import orjson

from config.settings import Settings, load_settings
from events.envelope import Envelope
from events.failures import traceback_of
from events.ids import id_day, new_id, now_ms
from events.record import Record
from events.redact.redactor import Redactor
from events.registry import event_type
from storage.errors import Rejected, StoreDown
from storage.files.pack import encode_pack
from storage.files.store import FileStore
from storage.model import EventLocation, PackRef
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.dead_letters import DeadLetters
from storage.sql.letter_rows import DeadLetterRow
from storage.sql.packs import Packs
from storage.sql.tables import own_columns
from workbench.dry_run import MEMORY_BYTES, SECONDS
from workbench.payloads import Payloads, Unreadable
from workbench.redaction import open_redaction

T = TypeVar("T")

_MAX_TRACEBACK_CHARS = 8_000
#: Steps after which the others are tried though the store could not be asked.
_GO_ON = frozenset({"sql", "search"})


class Failed(Exception):
    """A step that failed; what comes after it is not tried."""


def tell(document: dict[str, Any]) -> None:
    """A line for whoever watches."""
    sys.stdout.buffer.write(orjson.dumps(document, default=str, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def attempt(step: str, work: Callable[[], T], told: Callable[[T], str | None]) -> T:
    """One step, told as it begins and as it ends; raises :class:`Failed`."""
    tell({"begin": step})
    outcome: dict[str, Any] = {"step": step, "outcome": "passed"}
    found: T | None = None
    try:
        found = work()
        outcome["told"] = told(found)
    except StoreDown as exc:
        outcome |= {"outcome": "unknown", "why": f"the {exc.store} store is away"}
    except Unreadable as exc:
        outcome |= {"outcome": "failed", "why": str(exc)}
    except Exception as exc:  # whatever kills the event fails here too: that is the answer
        text = traceback_of(exc, _MAX_TRACEBACK_CHARS)
        why = f"{type(exc).__name__}: {exc}"[:1000]
        outcome |= {"outcome": "failed", "why": why, "traceback": text}
    tell(outcome)
    if outcome["outcome"] == "failed" or (found is None and step not in _GO_ON):
        raise Failed
    return found  # type: ignore[return-value]


class Rehearsal:
    """Takes a letter through every stage."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.postgres_dsn, max_connections=1)
        self._files = FileStore(settings)
        self._frame_bytes = settings.frame_bytes
        self._search = SearchStore(settings)
        self._redaction = open_redaction(settings, self._database)

    def run(self, letter_id: UUID) -> None:
        """Try each step until one fails."""
        letter = attempt("payload", lambda: self._letter(letter_id), lambda _: None)
        body = attempt(
            "payload", lambda: Payloads(self._files).current(letter), lambda b: f"{len(b)} bytes"
        )
        sent = Envelope(letter.event_id, letter.project_id, letter.type, letter.protocol, body)
        envelope = attempt(
            "redact", lambda: self._redact(sent), lambda e: f"{e.redacted} places blanked"
        )
        where = attempt(
            "files", lambda: self._pack(envelope), lambda w: f"{w.frame_length} bytes as stored"
        )
        kind = event_type(letter.type)
        record = attempt("normalise", lambda: kind.normalise(envelope), title_of)
        tell({"record": shown(letter, record)})
        attempt("sql", lambda: self._store(envelope, record, where), lambda _: None)
        attempt("search", lambda: self._index(letter.type, record), lambda _: None)

    def _letter(self, letter_id: UUID) -> DeadLetterRow:
        letter = DeadLetters(self._database).find(letter_id)
        if letter is None:
            raise Unreadable("there is no such dead letter")
        return letter

    def _redact(self, envelope: Envelope) -> Envelope:
        rules = self._redaction.known(envelope.project_id)
        return Redactor(rules.rules, rules.keys).redact(envelope)

    def _pack(self, envelope: Envelope) -> EventLocation:
        """Where the event would lie in a pack of its own, which is made in memory alone."""
        pack = encode_pack(new_id(now_ms()), [envelope], self._frame_bytes)
        return pack.index.locations("dry-run")[envelope.id]

    def _store(self, envelope: Envelope, record: Record, where: EventLocation) -> None:
        pack = PackRef(
            id=new_id(now_ms()),
            key=where.pack_key,
            type=envelope.type,
            day=id_day(envelope.id),
            events=1,
            stored_bytes=where.frame_length,
            raw_bytes=where.length,
        )
        Packs(self._database).rehearse(pack, (record, envelope.protocol, where))

    def _index(self, type_name: str, record: Record) -> None:
        if refusal := self._search.rehearse(type_name, record):
            raise Rejected("search", refusal)


def title_of(record: Record) -> str | None:
    """What a person recognises a record by."""
    return None if record.group is None else record.group.title


def shown(letter: DeadLetterRow, record: Record) -> dict[str, Any]:
    """A record as names and values."""
    names = (column.name for column in own_columns(letter.type))
    group = record.group
    return {
        **dict(zip(names, record.row, strict=True)),
        "occurred_at": record.occurred_at,
        "user_key": record.user_key,
        "group_id": str(group.group_id(record.project_id)) if group else None,
        "group": group.title if group else None,
    }


def main() -> None:
    """Bound this process, and try the letter that the command line names."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    seconds = int(SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with contextlib.suppress(Failed):  # it is told in its step
        Rehearsal(load_settings(os.environ)).run(UUID(sys.argv[1]))


if __name__ == "__main__":
    main()
