"""Bringing exported dead letters in, in parts, each of which may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from broker.client import Broker
from storage.sql.letter_actions import ForeignLetter, LetterActions
from workbench.exchange import BadLine, ExportedLetter, import_line

PART_LETTERS = 100
PART_BYTES = 16 << 20
MAX_TOLD = 100


@dataclass(slots=True)
class ImportReport:
    """What became of the lines. ``known`` are letters or events that are here already; ``told`` has
    number and fault of the first hundred ``rejected`` lines.
    """

    imported: int = 0
    known: int = 0
    rejected: int = 0
    told: list[tuple[int, str]] = field(default_factory=list)

    def reject(self, number: int, why: str) -> None:
        """Count a line that is no letter, or none for here."""
        self.rejected += 1
        if len(self.told) < MAX_TOLD:
            self.told.append((number, why))


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports lines. ``project_number`` gives a project's number by its name, null for none.

    With ``restore`` the events were accepted here before, and the ledger still knows: they are not
    counted as accepted again.
    """

    broker: Broker
    actions: LetterActions
    project_number: Callable[[str], int | None]
    max_event_bytes: int
    restore: bool = False

    def run(self, lines: Iterable[bytes], actor: str) -> ImportReport:
        """Bring in every letter that is not known here. Raises :class:`StoreDown`: run it again.

        Idempotent: an event is accepted first, once by its id, then dead; so a kill in between
        leaves it in flight until the import is repeated.
        """
        report, part, size = ImportReport(), list[ForeignLetter](), 0
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                part.append(self._foreign(import_line(line, self.max_event_bytes)))
            except BadLine as exc:
                report.reject(number, str(exc))
                continue
            size += len(line)
            if len(part) >= PART_LETTERS or size > PART_BYTES:
                self._bring_in(part, report, actor)
                part, size = [], 0
        self._bring_in(part, report, actor)
        return report

    def _foreign(self, exported: ExportedLetter) -> ForeignLetter:
        number = self.project_number(exported.project)
        if number is None:
            raise BadLine(f"there is no project named {exported.project!r} here")
        letter = replace(exported.letter, project_id=number)
        return ForeignLetter(exported.id, letter, exported.edited, exported.edits)

    def _bring_in(self, part: list[ForeignLetter], report: ImportReport, actor: str) -> None:
        fresh = self.actions.unknown(part) if part else []
        if fresh and not self.restore:
            letters = (one.letter for one in fresh)
            self.broker.admit([(one.event_id, one.project_id, one.type) for one in letters])
        imported = self.actions.bring_in(fresh, actor) if fresh else 0
        report.imported += imported
        report.known += len(part) - imported
