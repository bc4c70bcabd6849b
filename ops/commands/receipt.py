"""receipt: where an event is, how long each step took, or why it died."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.sql.projects import Projects
from storage.sql.terms import open_terms
from workbench.receipts import FullReceipt, open_receipts


@click.command()
@click.argument("event_id", metavar="ID", type=click.UUID)
@json_option
@told
def receipt(event_id: UUID, as_json: bool) -> None:
    """All that is known of an event: accepted, pack and offset, stages, or why it died.

    ID is what the sender got as Sluice-Event-Id.
    """
    settings = current_settings()
    with open_database() as database:
        terms = open_terms(settings, database)
        found = open_receipts(settings, database, terms).read(event_id)
        names = {item.id: item.name for item in Projects(database).list()}
    if found is None:
        raise OpsError(f"nothing is known of event {event_id}, and it is too old to be on its way")
    if as_json:
        print_json(document(found, names))
        return
    shown = document(found, names)
    steps = shown.pop("steps")
    print_table(("", ""), ((name, value) for name, value in shown.items() if value is not None))
    print_table(
        ("stage", "at", "seconds", "died of"),
        ((one["stage"], one["at"], one["seconds"], one["reason"]) for one in steps),
    )


def document(found: FullReceipt, names: dict[int, str]) -> dict[str, Any]:
    """A receipt as JSON."""
    stored, letters = found.way.stored, found.way.letters
    return {
        "id": found.event_id,
        "accepted_at": found.accepted_at,
        "verdict": found.verdict,
        "project": None if found.project_id is None else names.get(found.project_id),
        "type": stored.type if stored else letters[0].type if letters else None,
        "pack": stored and stored.location.pack_key,
        "frame_offset": stored and stored.location.frame_offset,
        "offset": stored and stored.location.offset,
        "bytes": stored and stored.location.length,
        "redacted": stored and stored.redacted,
        "queue": found.queued and found.queued.queue,
        "broker_problem": found.broker_problem,
        "erased_at": found.way.erased and found.way.erased.at,
        "letters": [letter.id for letter in letters] or None,
        "steps": [
            {
                "stage": step.stage,
                "at": step.at,
                "seconds": step.seconds,
                "letter": step.letter and step.letter.id,
                "reason": step.letter and f"{step.letter.code}: {step.letter.reason}",
            }
            for step in found.steps
        ],
    }
