"""Reading an occurrence for a page: its picture; without its bytes, what its row gives and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.api.picture import full_picture, identity
from app.dashboard.crash.beside import files_of, person_of, telling
from app.dashboard.crash.occurrence import Asked, OccurrenceView, occurrence_view
from app.dashboard.crash.parts import Picture, text_of
from app.dashboard.crash.trace import TraceSection, trace_of
from app.dashboard.folding import RuleOf, no_rule
from app.dashboard.links import ProjectName
from app.dashboard.page import Visit
from app.errors import ApiError
from app.raw import read_raw
from events.redact.names import Names
from storage.sql.events import StoredEvent


def read_occurrence(visit: Visit, event: StoredEvent, asked: Asked) -> OccurrenceView:
    """An event as a page shows it, with what is beside its bytes."""
    picture, missing = picture_of(visit, event)
    rule_of = _rules(visit, event) if event.redacted and not missing else no_rule
    return replace(
        occurrence_view(picture, asked, missing, rule_of),
        person=person_of(ProjectName(event.project_id, event.project), event.id, picture),
        trace=visit.gaps.fill("its trace", lambda: _trace(visit, event, picture), None),
        files=tuple(visit.gaps.fill("files", lambda: files_of(visit, event), [])),
        telling=tuple(
            visit.gaps.fill("related events", lambda: telling(visit, event, picture), [])
        ),
    )


def picture_of(visit: Visit, event: StoredEvent) -> tuple[dict[str, Any], str]:
    """The picture of an event, and what of it is missing and why: then a gap is noted too."""
    why = ""

    def read() -> bytes | None:
        nonlocal why
        try:
            return read_raw(visit.desk.stores.payloads, event)
        except ApiError as exc:
            why = exc.message
            visit.gaps.note("the full picture", "files", exc.message)
            return None

    raw = visit.gaps.fill("the full picture", read, None)
    if raw is None:
        return _known(event), why or "The file server cannot be reached now."
    return full_picture(event, raw), ""


def _trace(visit: Visit, event: StoredEvent, picture: Picture) -> TraceSection | None:
    """The trace of a crash, which its row knows, too; of other events their own page tells."""
    if event.type != "crash":
        return None
    named = text_of(picture, "trace_id") or event.columns.get("trace_id")
    return trace_of(visit, event, str(named)) if named else None


def _rules(visit: Visit, event: StoredEvent) -> RuleOf:
    """The rules by which the project's fields are blanked, as they are now."""
    names = Names(visit.desk.stores.redaction.read(event.project_id).project.rules)
    return lambda name: names.rule(name.encode("utf-8", "replace")) or ""


def _known(event: StoredEvent) -> dict[str, Any]:
    """The picture that an event's row alone gives."""
    columns = event.columns
    names = {key: columns.get(key) for key in ("class_name", "message")}
    return {
        **identity(event),
        "version": columns.get("version"),
        "machine": columns.get("machine"),
        "error": names if any(names.values()) else None,
        "redacted": event.redacted,
    }
