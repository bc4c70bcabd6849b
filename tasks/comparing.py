"""Compares packs on record with SQL and search, event by event, and repairs what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from events.ids import id_minute
from storage.damage import PackName
from storage.errors import Corrupt, NotFound
from storage.missing import PackMember, missing_rows
from storage.sql.reconcile import PackOnRecord, Span
from tasks.mending import Mender, handoff_of, in_flight_of
from tasks.reconciling import Report, Scope
from tasks.upkeep import Upkeep

#: Events asked for at once.
_AT_ONCE = 5000
#: Packs read from SQL at once.
_PAGE = 500

_Open = tuple[PackOnRecord, Sequence[PackMember]]


class Comparison:
    """One type's packs against the other two stores. Raises :class:`StoreDown`."""

    def __init__(self, upkeep: Upkeep, mender: Mender, report: Report, event_type: str) -> None:
        self._upkeep = upkeep
        self._mender = mender
        self._report = report
        self._type = event_type

    def run(self, scope: Scope) -> list[UUID]:
        """Compare the packs of a scope; those found whole, or beyond repair."""
        span = Span(self._type, scope.first, scope.last)
        done: list[UUID] = []
        for page in _pages(self._upkeep, span, scope):
            for group in _groups(self._open(page, done)):
                done += self._compare(group)
        return done

    def _open(self, packs: Iterable[PackOnRecord], done: list[UUID]) -> Iterator[_Open]:
        """The packs with what their footers tell, but for what is past its term: no gap is."""
        floors = self._upkeep.terms.floors()
        for pack in packs:
            self._report.packs += 1
            try:
                index = self._upkeep.files.read_index(pack.ref.key)
            except (NotFound, Corrupt) as exc:
                if pack.ref.id in self._upkeep.packs.known([pack.ref.id]):
                    self._mender.damaged(PackName(pack.ref.id, pack.ref.key, self._type), exc)
                    done.append(pack.ref.id)
                continue
            members = ((UUID(bytes=entry.id), entry.project_id) for entry in index.entries)
            yield (
                pack,
                [
                    (event_id, project)
                    for event_id, project in members
                    if not floors.hidden(project, self._type, event_id)
                ],
            )

    def _compare(self, group: Sequence[_Open]) -> list[UUID]:
        ids = [event_id for _, members in group for event_id, _ in members]
        self._report.events += len(ids)
        rows = self._upkeep.packs.rows(self._type, ids)
        lettered = self._upkeep.packs.lettered(ids)
        indexed = self._upkeep.search.present(self._type, ids)
        whole = []
        for pack, members in group:
            missing = missing_rows(pack.ref.id, pack.counts, members, rows, lettered)
            if missing.counted:
                self._mender.restore_rows(pack, set(missing.counted))
            unindexed = [
                event_id
                for event_id, _ in members
                if (rows.get(event_id) == pack.ref.id or event_id in missing.counted)
                and event_id not in indexed
                and event_id not in lettered
            ]
            projects = dict(members)
            uncounted = [(event_id, projects[event_id]) for event_id in missing.uncounted]
            rerun = self._rerun(pack, uncounted, len(unindexed))
            if not missing.counted and not rerun:
                whole.append(pack.ref.id)
        return whole

    def _rerun(self, pack: PackOnRecord, uncounted: list[PackMember], unindexed: int) -> bool:
        """Run stages again where that helps; False when there is nothing to be done."""
        slots = [(id_minute(event_id), project) for event_id, project in uncounted]
        lost = len(in_flight_of(self._upkeep, self._type, slots)) if slots else 0
        if unexplained := len(slots) - lost:
            detail = f"{unexplained} events have neither row nor dead letter and count as settled"
            self._mender.trouble("unexplained", self._type, pack.ref.id, detail)
        if not lost and not unindexed:
            return False
        queued = self._mender.queued(self._type)
        if queued is None or pack.ref.id in queued:
            return True
        if lost:
            return self._mender.rerun_chain(handoff_of(pack), lost)
        return self._mender.rerun_search(handoff_of(pack), unindexed, in_flight=0)


def _pages(upkeep: Upkeep, span: Span, scope: Scope) -> Iterator[list[PackOnRecord]]:
    if scope.recheck is not None:
        due = upkeep.packs.due(span, scope.settled, scope.recheck, _PAGE)
        yield list(_bounded(due, scope.events))
        return
    page = upkeep.packs.following(span, scope.settled, None, _PAGE)
    while page:
        yield page
        page = upkeep.packs.following(span, scope.settled, page[-1].ref.id, _PAGE)


def _bounded(packs: Iterable[PackOnRecord], events: int) -> Iterator[PackOnRecord]:
    """The first packs, until they have so many events."""
    for pack in packs:
        if events <= 0:
            return
        yield pack
        events -= pack.ref.events


def _groups(opened: Iterable[_Open]) -> Iterator[list[_Open]]:
    """Packs together until they have enough events to ask for."""
    group: list[_Open] = []
    size = 0
    for pack, members in opened:
        group.append((pack, members))
        size += len(members)
        if size >= _AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group
