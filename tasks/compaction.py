"""Compaction: small packs become large ones, and bytes that nobody may read any more go.

A run deletes what was doomed a grace ago, goes on with merges that a killed run left, and merges
packs: those that hold erased events first, then those with events past their project's term, then
small ones. One process at a time merges, so that ingest keeps its speed; while the queues have a
backlog only what an erasure has waited for long is done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from storage.damage import release_mended
from storage.floors import Floors
from storage.model import PackRef
from storage.sql.compacting import Small
from storage.sql.merge_model import MergeHeld
from tasks.compacting import Report, bounds_of, groups
from tasks.compactor import Compactor, Wish
from tasks.merging import Merger, paced

_AT_ONCE = 2000
_DELETED_AT_ONCE = 1000
#: A pack is looked at for events past their term once a day.
_SWEEP = timedelta(days=1)
#: An erasure waits this share of its time, so that one rewriting serves several.
_GATHER = 0.25
#: After this share it is done whatever waits in the queues.
_OVERDUE = 0.5
#: How long a pack in quarantine is not looked at again by periodic runs.
_LOOK_AGAIN_SECONDS = 3600.0

_log = structlog.get_logger(__name__)

Tell = Callable[[str], None]


def compact(parts: Compactor, wish: Wish, tell: Tell = lambda _: None) -> Report:
    """One run. Raises :class:`StoreDown`; whatever it did until then stands."""
    with parts.merges.alone() as alone:
        if not alone:
            return Report(held=["another process compacts"])
        return _Run(parts, wish, tell).run()


def compact_recent(parts: Compactor) -> None:
    """The periodic task. Raises :class:`StoreDown`."""
    report = compact(parts, Wish())
    if report.merged or report.deleted or report.resumed or report.held:
        _log.info("compacted", **{**report.document(), "merges": len(report.merged)})


class _Run:
    """One run: its report, its end."""

    def __init__(self, parts: Compactor, wish: Wish, tell: Tell) -> None:
        self._parts = parts
        self._wish = wish
        self._tell = tell
        self._report = Report()
        self._until = parts.clock() + wish.seconds * 1000
        rate = 0 if wish.now else parts.settings.compact_bytes_per_second
        self._merger = Merger(
            parts.files,
            parts.merging,
            parts.merges,
            parts.compacting,
            parts.quarantine,
            paced(rate, parts.sleep),
            parts.clock,
        )

    def run(self) -> Report:
        if not self._wish.dry:
            self._delete_doomed()
            self._release()
            self._resume()
        floors = self._parts.terms.floors()
        for batch in self._batches():
            for group in groups(batch, bounds_of(self._parts.settings)):
                if self._parts.clock() >= self._until:
                    self._report.held.append("the time of this run is over; the next goes on")
                    return self._report
                self._merge(group, floors)
        if not self._wish.dry and self._wish.now:
            self._delete_doomed()
        return self._report

    def _batches(self) -> Iterator[Sequence[PackRef]]:
        """Packs worth merging, the most pressing first."""
        compacting, kind = self._parts.compacting, self._wish.kind
        overdue = self._ago(self._erasure_seconds(_OVERDUE))
        yield compacting.dirty(overdue, kind, _AT_ONCE)
        if why := self._busy():
            self._report.held.append(why)
            return
        yield compacting.dirty(self._ago(self._erasure_seconds(_GATHER)), kind, _AT_ONCE)
        expiring = compacting.expiring(self._now() - _SWEEP, kind, _AT_ONCE)
        yield expiring
        if expiring and not self._wish.dry:
            compacting.mark_swept([pack.id for pack in expiring], self._now())
        yield compacting.small(self._small(), kind, _AT_ONCE)

    def _merge(self, group: list[PackRef], floors: Floors) -> None:
        first = group[0]
        size = sum(pack.stored_bytes for pack in group)
        self._tell(f"{first.type} {first.day}: {len(group)} packs of {size:,} bytes")
        if self._wish.dry:
            self._report.held.append(
                f"dry run: {len(group)} packs of {first.type} {first.day}, {size} bytes"
            )
            return
        try:
            if merged := self._merger.merge(group, floors):
                self._report.merged.append(merged)
        except MergeHeld as exc:
            self._report.held.append(f"{first.type} {first.day}: {exc}")

    def _release(self) -> None:
        """Let packs that were restored out of quarantine: a periodic run looks at one an hour."""
        whole_run = math.isinf(self._wish.seconds)
        self._report.mended = release_mended(
            self._parts.quarantine,
            self._parts.files,
            self._now() if whole_run else self._ago(_LOOK_AGAIN_SECONDS),
            _AT_ONCE if whole_run else 1,
        )

    def _resume(self) -> None:
        for merge in self._parts.merges.under_way():
            try:
                if self._merger.resume(merge):
                    self._report.resumed += 1
                else:
                    self._report.given_up += 1
            except MergeHeld as exc:
                self._report.held.append(f"merge {merge.id}: {exc}")

    def _delete_doomed(self) -> None:
        """Delete the objects whose grace is over; repeated if killed before that is noted."""
        before = self._ago(self._parts.settings.pack_grace_seconds)
        for pack in self._parts.doomed.due(before, _DELETED_AT_ONCE):
            self._parts.merging.delete(pack.key)
            self._parts.doomed.forget(pack)
            self._report.deleted += 1
            self._report.bytes_deleted += pack.stored_bytes
        self._parts.doomed.forget_old()

    def _busy(self) -> str | None:
        """Why only what is overdue is done: the queues' backlog."""
        most = self._parts.settings.compact_backlog_events
        if self._wish.now or not most:
            return None
        waiting = sum(queue.events for queue in self._parts.load.queues())
        return f"backlog: {waiting} events wait in the queues" if waiting > most else None

    def _small(self) -> Small:
        settings, bounds = self._parts.settings, bounds_of(self._parts.settings)
        now = self._now()
        return Small(
            searched_before=self._ago(0 if self._wish.now else settings.compact_age_seconds),
            stored_bytes=bounds.stored_bytes // 2,
            raw_bytes=bounds.raw_bytes // 2,
            events=bounds.events // 2,
            today=now.date(),
            least=2 if self._wish.now else settings.compact_min_packs,
        )

    def _erasure_seconds(self, share: float) -> float:
        return 0 if self._wish.now else self._parts.settings.erasure_hours * 3600 * share

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._parts.clock() / 1000, UTC)

    def _ago(self, seconds: float) -> datetime:
        return self._now() - timedelta(seconds=seconds)
