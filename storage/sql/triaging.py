"""What deciding on groups works with, beside the groups themselves."""

from __future__ import annotations

from dataclasses import dataclass

from events.ids import Clock, now_ms
from storage.sql.database import Database
from storage.sql.discarded_fingerprints import DiscardedFingerprints
from storage.sql.group_history import GroupHistory
from storage.sql.occurrences import Occurrences
from storage.sql.release_list import Releases
from storage.sql.saved_views import SavedViews
from storage.sql.terms import Terms
from storage.sql.trends import Trends
from storage.sql.triage_actions import TriageActions


@dataclass(frozen=True, slots=True)
class Triaging:
    """All of it is safe to share between threads, and connects when used."""

    actions: TriageActions
    history: GroupHistory
    discarded: DiscardedFingerprints
    occurrences: Occurrences
    trends: Trends
    releases: Releases
    views: SavedViews


def open_triaging(database: Database, terms: Terms, clock: Clock = now_ms) -> Triaging:
    """Over a database that is open already."""
    return Triaging(
        actions=TriageActions(database, clock),
        history=GroupHistory(database),
        discarded=DiscardedFingerprints(database),
        occurrences=Occurrences(database, terms),
        trends=Trends(database, terms),
        releases=Releases(database),
        views=SavedViews(database, clock),
    )
