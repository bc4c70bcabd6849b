"""dlq edit, discard, export, import."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

import click

from ops.commands.actor import actor
from ops.commands.letter_options import filter_options, require_project, selection, workbench
from ops.commands.output import json_option, print_json, say, told
from ops.errors import OpsError
from storage.sql.letter_actions import LetterNotFound, LetterNotOpen
from storage.sql.letter_filter import LetterFilter
from storage.sql.letter_rows import MAX_REASON_CHARS
from workbench.exchange import MAX_LINE_BYTES
from workbench.exporting import export_lines
from workbench.importing import Importer, ImportReport
from workbench.opening import Workbench


@click.command()
@click.argument("letter_id", metavar="ID", type=click.UUID)
@click.option(
    "--file", "file", required=True, type=click.File("rb"), help="The new payload; - for input."
)
@told
def edit(letter_id: UUID, file: BinaryIO) -> None:
    """Replace the payload that a replay sends; the original is kept (show --original)."""
    with workbench() as bench:
        limit = bench.settings.max_event_bytes
        payload = file.read(limit + 1)
        if len(payload) > limit:
            raise OpsError(f"payload_too_large: more than {limit} bytes (SLUICE_MAX_EVENT_BYTES)")
        if not payload:
            raise OpsError("bad_argument: the payload is empty")
        with _letter_errors(letter_id):
            bench.actions.edit(letter_id, payload, actor())
    click.echo(f"edited; send it with: ./sluice dlq replay {letter_id}")


@click.command()
@click.argument("letter_id", metavar="[ID]", type=click.UUID, required=False)
@filter_options
@click.option("--all", "everything", is_flag=True, help="Every open dead letter.")
@click.option("--reason", required=True, help="Why; kept with each letter and in the audit.")
@json_option
@told
def discard(
    letter_id: UUID | None, wanted: LetterFilter, everything: bool, reason: str, as_json: bool
) -> None:
    """Give up on events for good: the ledger counts them as discarded.

    One by its ID, or every open one that matches the filters.
    """
    if not 0 < len(reason) <= MAX_REASON_CHARS:
        raise click.BadParameter(
            f"it has 1 to {MAX_REASON_CHARS} characters", param_hint="--reason"
        )
    chosen = selection(letter_id, wanted, everything)
    with workbench() as bench:
        require_project(bench, wanted)
        if letter_id is not None:
            with _letter_errors(letter_id):
                bench.actions.discard(letter_id, reason, actor())
            done = 1
        else:
            done = bench.actions.discard_all(chosen, reason, actor())
    if as_json:
        print_json({"discarded": done})
    else:
        click.echo(f"discarded {done}")


@click.command("export")
@filter_options
@told
def export_letters(wanted: LetterFilter) -> None:
    """Write open dead letters with their payloads as NDJSON to standard output."""
    unreadable: list[str] = []

    def note(letter_id: UUID, why: str) -> None:
        unreadable.append(str(letter_id))
        say(f"{letter_id} is left out: {why}")

    with workbench() as bench:
        require_project(bench, wanted)
        for line in export_lines(bench.letters, bench.payloads, wanted, note):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    if unreadable:
        raise OpsError(f"payload_unreadable: {len(unreadable)} letters could not be exported")


@click.command("import")
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--restore",
    is_flag=True,
    help="The events were accepted here before: do not count them in the ledger again.",
)
@json_option
@told
def import_letters(file: BinaryIO, restore: bool, as_json: bool) -> None:
    """Bring exported dead letters in, from FILE or standard input.

    What is known here is left alone, so repeating it changes nothing. Exit code 1 when a line is
    no letter for here; the others are imported.
    """
    with workbench() as bench:
        report = _importer(bench, restore).run(_lines(file), actor())
    if as_json:
        print_json(document(report))
    else:
        click.echo(f"imported {report.imported}, known here {report.known}")
    if report.rejected:
        faults = "\n".join(f"  line {line}: {why}" for line, why in report.told)
        raise OpsError(f"bad_argument: {report.rejected} lines are no letters for here:\n{faults}")


def document(report: ImportReport) -> dict[str, object]:
    """A report as the API gives it."""
    return {
        "imported": report.imported,
        "known": report.known,
        "rejected": report.rejected,
        "problems": [{"line": line, "problem": why} for line, why in report.told],
    }


def _importer(bench: Workbench, restore: bool) -> Importer:
    def number(name: str) -> int | None:
        project = bench.projects.by_name(name)
        return project.id if project else None

    return Importer(bench.broker, bench.actions, number, bench.settings.max_event_bytes, restore)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of a file, each read at most one byte over what a line may have."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line


@contextlib.contextmanager
def _letter_errors(letter_id: UUID) -> Iterator[None]:
    """Tell what stands against an action on a letter."""
    try:
        yield
    except LetterNotFound as exc:
        raise OpsError(f"letter_not_found: there is no dead letter {letter_id}") from exc
    except LetterNotOpen as exc:
        raise OpsError(f"letter_not_open: {exc}") from exc


COMMANDS = (edit, discard, export_letters, import_letters)
