"""Dead letters, many at once: discard, export, import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog
from flask import Response

from app.api import letter_answers
from app.api.arguments import bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.letter_arguments import (
    DiscardBody,
    ImportArguments,
    LetterArguments,
    letter_filter,
)
from app.api.raw_body import read_raw_body
from app.errors import ApiError
from storage.sql.letter_filter import LetterFilter
from workbench.exporting import export_lines
from workbench.importing import Importer

_log = structlog.get_logger(__name__)


def discard_letters(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /dead-letters/discard: every open letter that matches."""
    desk.names.number(arguments["project"])
    done = desk.stores.workbench.actions.discard_all(
        letter_filter(arguments), arguments["reason"], arguments["actor"]
    )
    return {"discarded": done}


def export_letters(desk: Desk, arguments: Arguments) -> Response:
    """GET /dead-letters/export: a line a letter, oldest last; not bounded by ``limit``."""
    desk.names.number(arguments["project"])
    wanted = letter_filter(arguments)
    # Asked for before the answer begins, so that an outage is still a 503.
    desk.stores.database.check()
    return Response(_lines(desk, wanted), content_type="application/x-ndjson")


def _lines(desk: Desk, wanted: LetterFilter) -> Iterator[bytes]:
    workbench = desk.stores.workbench
    yield from export_lines(workbench.letters, workbench.payloads, wanted, _log_unreadable)


def _log_unreadable(letter_id: object, why: str) -> None:
    _log.error("letter_not_exported", letter=str(letter_id), reason=why)


def import_letters(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /dead-letters/import: what an export gave. Repeating it changes nothing."""
    settings = desk.stores.settings
    body = read_raw_body(settings.max_body_bytes, "SLUICE_MAX_BODY_BYTES")
    importer = Importer(
        desk.stores.broker,
        desk.stores.workbench.actions,
        lambda name: _number(desk, name),
        settings.max_event_bytes,
        arguments["restore"],
    )
    report = importer.run(body.split(b"\n"), arguments["actor"])
    if report.rejected and not report.imported + report.known:
        line, why = report.told[0]
        raise bad_argument("body", f"no line is a letter for here; line {line}: {why}")
    problems = [{"line": line, "problem": why} for line, why in report.told]
    return {
        "imported": report.imported,
        "known": report.known,
        "rejected": report.rejected,
        "problems": problems,
    }


def _number(desk: Desk, name: str) -> int | None:
    try:
        number = desk.names.number(name)
    except ApiError:
        return None
    return number if number is not None and desk.caller.may("operate", number) else None


ENDPOINTS = (
    Endpoint(
        "/dead-letters/discard",
        "discard_letters",
        "Give up on every open letter that matches",
        discard_letters,
        letter_answers.Discarded,
        method="POST",
        body=DiscardBody,
        scope="filtered",
        needs="operate",
    ),
    Endpoint(
        "/dead-letters/export",
        "export_letters",
        "Dead letters with their payloads, as NDJSON",
        export_letters,
        None,
        LetterArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/dead-letters/import",
        "import_letters",
        "Bring exported dead letters in; known ones are left alone",
        import_letters,
        letter_answers.Imported,
        ImportArguments,
        method="POST",
        body=None,
        scope="owned",
        needs="operate",
    ),
)
