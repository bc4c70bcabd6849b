"""Driving an erasure: find, wait for what was on its way, find again, and wait for the bytes to go.

Every step does a bounded piece and notes it in the transaction that does it, or can be repeated; so
a kill at any instant is gone on from by whoever drives next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from broker.known_keys import KnownKeys
from config.settings import Settings
from events.ids import Clock, id_day
from storage.blobs import Blobs
from storage.erasure import Erasure, Remains
from storage.sql.erasing import Found
from storage.sql.erasure_traces import Traces
from storage.sql.erasures import Erasures, Overtaken
from storage.sql.projects import KeyOwner, Projects
from workbench.erasure.finding import PAGE_EVENTS, Finder
from workbench.erasure.hiding import Hider
from workbench.erasure.matching import Match, match_of
from workbench.erasure.model import Finds
from workbench.erasure.parked import ParkedEvents
from workbench.erasure.recording import Recorder
from workbench.erasure.subjects import NoKey
from workbench.erasure.waiting import Waiting

#: A pass begins so long before the last one did: a transaction may commit that much later.
_OVERLAP = timedelta(minutes=10)
_FIRST = UUID(int=0)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErasureDriver:
    """Any number may drive one erasure at once. Methods raise ``StoreDown``; go on later then."""

    settings: Settings
    erasures: Erasures
    projects: Projects
    known_keys: KnownKeys
    finder: Finder
    parked: ParkedEvents
    waiting: Waiting
    traces: Traces
    hider: Hider
    blobs: Blobs
    recorder: Recorder
    clock: Clock

    def step(self, erasure_id: UUID) -> Erasure | None:
        """Do the next piece; the erasure as it stands then, null when there is none."""
        erasure = self.erasures.find(erasure_id)
        if erasure is None or not erasure.active:
            return erasure
        try:
            self._steps()[erasure.state](erasure)
        except Overtaken:
            _log.info("erasure_overtaken", erasure=str(erasure_id))
        except NoKey as exc:
            self._wait(erasure, str(exc))  # another process may have the key
        return self.erasures.find(erasure_id)

    def _steps(self) -> Mapping[str, Callable[[Erasure], None]]:
        return {
            "finding": self._find,
            "draining": self._drain,
            "checking": self._find,
            "unindexing": self._unindex,
            "rewriting": self._rewrite,
            "cooling": self._cool,
        }

    def _find(self, erasure: Erasure) -> None:
        """A page of the pass; all it found is gone from SQL, search and blobs then."""
        if "part" not in erasure.progress:
            if erasure.kind == "project" and erasure.project_id is not None:
                self._refuse_keys(erasure.project_id)
            begin = "packs" if erasure.kind == "user" else "rows"
            began = {"began": self._now().isoformat()}
            self.erasures.move(erasure, progress={**erasure.progress, **began, "part": begin})
            return
        match = match_of(self.settings, self.erasures, erasure)
        if erasure.progress["part"] == "parked":
            self._find_parked(erasure, match)
        else:
            self._erase(erasure, self.finder.page(erasure, match))
        self.hider.hide(erasure.id)

    def _refuse_keys(self, project_id: int) -> None:
        """Tell the broker's copy of keys too, for when PostgreSQL is away."""
        owner = KeyOwner(project_id, "erased", revoked=True)
        self.known_keys.keep(dict.fromkeys(self.projects.key_digests(project_id), owner))

    def _erase(self, erasure: Erasure, finds: Finds) -> None:
        """Chunk by chunk; the pass moves on when all are erased."""
        for chunk in _chunks(finds.events):
            sessions = sorted(finds.sessions)
            self.erasures.erase(erasure, chunk, progress=erasure.progress, sessions=sessions)
            erasure = self._again(erasure)
        unreadable = {"unreadable": finds.unreadable}
        self.erasures.move(erasure, progress=finds.following, found=unreadable)

    def _find_parked(self, erasure: Erasure, match: Match) -> None:
        """Events in parked messages; then the pass is over."""
        finds = self.parked.find(match)
        for message in finds.messages:
            events = {message.type: message.events}
            self.erasures.erase(erasure, events, progress=erasure.progress)
            erasure = self._again(erasure)
            if message.rest is not None:
                self.erasures.settle(message.type, message.events)
                self.parked.take_out(message)
        parked = sum(len(one.events) for one in finds.messages)
        found = {"parked_events": parked, "unreadable": finds.unreadable}
        began = erasure.progress["began"]
        if erasure.state == "finding":
            self.erasures.move(erasure, state="draining", progress={"began": began}, found=found)
        else:
            progress = {"tags": sorted(self.waiting.on_the_way.in_hand())}
            self.erasures.move(erasure, state="unindexing", progress=progress, found=found)

    def _drain(self, erasure: Erasure) -> None:
        """Wait until nothing accepted before is on its way; then look at what came since."""
        self.hider.hide(erasure.id)
        if why := self.waiting.for_accepted(erasure):
            self._wait(erasure, why)
            return
        since = datetime.fromisoformat(erasure.progress["began"]) - _OVERLAP
        self.erasures.move(erasure, state="checking", progress={"since": since.isoformat()})

    def _unindex(self, erasure: Erasure) -> None:
        """Delete every document once more, when nobody can write one any more."""
        self.hider.hide(erasure.id)
        if why := self.waiting.for_writers(set(erasure.progress.get("tags", ()))):
            self._wait(erasure, why)
            return
        after = UUID(erasure.progress.get("after", str(_FIRST)))
        events = self.traces.indexed(erasure.id, after, PAGE_EVENTS)
        if events:
            self.hider.delete(events)
            self.erasures.move(erasure, progress={"after": str(events[-1][0])})
            return
        if erasure.kind == "project" and erasure.project_id is not None:
            self.blobs.erase_of_project(erasure.project_id)
            self.erasures.clear_project(erasure.project_id)
        self.erasures.move(erasure, state="rewriting", progress={})

    def _rewrite(self, erasure: Erasure) -> None:
        """Wait until compaction has rewritten the packs and their old objects are deleted."""
        self.hider.hide(erasure.id)
        for pack_id, type_name, sample in self.traces.unrecorded(erasure.id, PAGE_EVENTS):
            self.recorder.record(pack_id, type_name, id_day(sample))
        left = self.traces.remains(erasure.id)
        if left.events:
            self._wait(erasure, _told(left))
            return
        self.hider.forget(erasure.id)
        self.erasures.move(erasure, state="cooling", progress={})

    def _cool(self, erasure: Erasure) -> None:
        """Wait until other machines' caches keep nothing of before.

        A copy that came to light meanwhile, in a pack of a worker that was killed, goes too.
        """
        if self.traces.remains(erasure.id).events:
            self.erasures.move(erasure, state="rewriting", progress={})
            return
        until = erasure.state_at + timedelta(seconds=self.settings.files_cache_seconds)
        if erasure.found.get("events") and self._now() < until:
            told = until.isoformat(timespec="seconds")
            self._wait(erasure, f"caches of other machines may keep bytes until {told}")
            return
        self.erasures.move(erasure, state="finished", progress={})
        _log.info("erasure_finished", erasure=str(erasure.id), kind=erasure.kind)

    def _wait(self, erasure: Erasure, why: str) -> None:
        if why != erasure.waiting:
            self.erasures.move(erasure, waiting=why)

    def _again(self, erasure: Erasure) -> Erasure:
        """The erasure after a step of this driver's own."""
        found = self.erasures.find(erasure.id)
        if found is None or found.steps != erasure.steps + 1:
            raise Overtaken(str(erasure.id))
        return found

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock() / 1000, UTC)


def _told(left: Remains) -> str:
    text = f"bytes of {left.events} events lie in {left.packs} packs"
    if left.doomed:
        text += f", of which {left.doomed} wait for nothing but their grace"
    if left.quarantined:
        text += f", of which {left.quarantined} are in quarantine: a person must delete these"
    return text


def _chunks(events: Mapping[str, list[Found]]) -> Iterator[dict[str, list[Found]]]:
    """Parts that one transaction takes: while it lasts nothing else is stored."""
    for type_name, found in events.items():
        for start in range(0, len(found), PAGE_EVENTS):
            yield {type_name: found[start : start + PAGE_EVENTS]}
