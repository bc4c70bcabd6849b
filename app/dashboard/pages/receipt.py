"""A receipt: paste any event's id, and see where it is, or why it died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marshmallow import Schema, fields, validate

from app.api.receipts import full_receipt
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.links import ProjectName
from app.dashboard.page import Page, Place, Visit
from app.errors import ApiError
from workbench.receipts import FullReceipt, Step, Verdict

#: What a verdict means, and how it looks.
VERDICTS: dict[Verdict, tuple[Tone, str, str]] = {
    "stored": ("ok", "stored", "It is in all three stores."),
    "on_its_way": ("busy", "on its way", "It is accepted, and a stage has it or will."),
    "waiting": (
        "busy",
        "not seen yet",
        "The id is young enough that the event may wait in a queue or a spool.",
    ),
    "dead": ("dead", "dead", "A stage gave it up; it waits for a decision."),
    "discarded": ("dead", "discarded", "An operator gave it up for good."),
    "replaying": ("busy", "replaying", "It died, and was sent through the stages again."),
    "erased": ("plain", "erased", "It was erased on request and is not stored again."),
    "past": ("plain", "expired", "It is past its term."),
    "unknown": ("plain", "unknown", "Nothing is known of it."),
}


class ReceiptArguments(Schema):
    """The id of an event, as its sender got it."""

    id = fields.String(load_default="", validate=validate.Length(max=200))


@dataclass(frozen=True, slots=True)
class StepRow:
    """A stage: when the event reached it, after how long, or the letter that it died in there."""

    stage: str
    tone: Tone
    state: str
    at: datetime | None
    seconds: float | None
    letter_href: str | None
    code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """Where the event's bytes lie."""

    pack: UUID
    key: str
    frame_offset: int
    frame_length: int
    offset: int
    length: int
    copies: int


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of an event."""

    id: str
    verdict: str
    tone: Tone
    word: str
    meaning: str
    accepted_at: datetime
    project: str | None
    type: str | None
    protocol: str | None
    redacted: int | None
    queue: str | None
    broker_problem: str | None
    erased_at: datetime | None
    place: PlaceRow | None
    steps: tuple[StepRow, ...]
    event_href: str | None
    group_href: str | None


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """What was typed, and the receipt of it: null without an id, and with a ``problem``."""

    title: str
    typed: str
    problem: str | None
    receipt: Known | None


def receipt(visit: Visit) -> ReceiptView:
    """The receipt of the id that was typed; raises ``StoreDown`` for PostgreSQL."""
    typed = visit.arguments["id"].strip()
    if not typed:
        return ReceiptView("Receipt", "", None, None)
    try:
        event_id = UUID(typed)
    except ValueError:
        return ReceiptView("Receipt", typed, "That is no id: ids look like 01a1ee56-….", None)
    try:
        found = full_receipt(visit.desk, event_id)
    except ApiError:
        why = "Nothing is known of that id, and it is too old to be on its way, or not yours."
        return ReceiptView("Receipt", typed, why, None)
    return ReceiptView("Receipt", typed, None, known(visit, found))


def known(visit: Visit, found: FullReceipt) -> Known:
    """A receipt as a page shows it."""
    stored, way = found.way.stored, found.way
    of = stored or (way.letters[0] if way.letters else None)
    tone, word, meaning = VERDICTS[found.verdict]
    number = found.project_id
    project = None if number is None else visit.desk.names.name(number)
    of_group = stored.group_id if stored else None
    named = ProjectName(number, project) if number is not None and project else None
    return Known(
        str(found.event_id),
        found.verdict,
        tone,
        word,
        meaning,
        found.accepted_at,
        project,
        of.type if of else None,
        of.protocol if of else None,
        stored.redacted if stored else None,
        found.queued.queue if found.queued else None,
        found.broker_problem,
        way.erased.at if way.erased else None,
        _place(found),
        tuple(map(_step, found.steps)),
        links.occurrence(found.event_id) if stored and not way.erased else None,
        links.group(named, of_group) if named and of_group else None,
    )


def _place(found: FullReceipt) -> PlaceRow | None:
    stored = found.way.stored
    if stored is None:
        return None
    at = stored.location
    return PlaceRow(
        stored.pack_id,
        at.pack_key,
        at.frame_offset,
        at.frame_length,
        at.offset,
        at.length,
        len(found.way.copies),
    )


def _step(step: Step) -> StepRow:
    letter = step.letter
    tone: Tone = "ok" if step.at else "plain"
    state = "done" if step.at else "to come"
    if letter is not None:
        tone, state = ("busy" if letter.status == "replaying" else "dead"), letter.status
    return StepRow(
        step.stage,
        tone,
        state,
        step.at,
        step.seconds,
        links.letter(letter.cluster, letter.id) if letter else None,
        letter.code if letter else None,
        letter.reason if letter else None,
    )


PAGES = (
    Page(
        "/receipt",
        "receipt",
        receipt,
        "pages/receipt.html",
        ReceiptArguments,
        needs="signed_in",
        place=Place("Receipt", "installation", key="t"),
    ),
)
