"""Setting up an SDK: the key, what to paste, and whether anything arrives, with why if not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.addresses import public_url
from app.api.ledger import shown_ledger
from app.api.projects import project_dsn
from app.api.times import minute_of
from app.dashboard import links
from app.dashboard.gaps import Gap
from app.dashboard.page import Page, Visit
from app.dashboard.snippets import Snippet, Target, snippets
from broker.refusals import Refusal
from events.ids import id_time
from storage.ledger import Ledger

RECENTLY = timedelta(hours=1)
KEY_LEFT_OUT = "YOUR_API_KEY"


@dataclass(frozen=True, slots=True)
class ArrivedRow:
    """The newest stored event of a type."""

    type: str
    href: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Refused requests of a kind, and the last of them."""

    status: int
    code: str
    message: str
    path: str
    key: str
    sender: str
    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SetupView:
    """``key`` is null when all that can be shown are revoked. ``accepted`` and ``in_flight`` are
    events of the last hour, null where nobody can tell. ``strangers`` are refusals of requests
    whose key is nobody's, for who may see the installation.
    """

    title: str
    url: str
    key: str | None
    dsn: str | None
    snippets: tuple[Snippet, ...]
    arrived: tuple[ArrivedRow, ...]
    accepted: int | None
    in_flight: int | None
    refusals: tuple[RefusalRow, ...]
    strangers: tuple[RefusalRow, ...]
    may: bool
    gaps: tuple[Gap, ...] = ()


def setup(visit: Visit) -> SetupView:
    """What there is to paste, and what has arrived."""
    project, stores, caller = visit.of_project, visit.desk.stores, visit.desk.caller
    url, fill = public_url(stores.settings), visit.gaps.fill
    nothing: dict[str, UUID] = {}
    newest = fill("what has arrived", lambda: stores.attention.newest(project.id), nothing)
    ledger = fill("what was accepted", lambda: _recent(visit), None)
    none: Sequence[Refusal] = ()
    refused = fill("refused requests", lambda: stores.refusals.of_project(project.id), none)
    strangers = none
    if caller.may("read", None):
        strangers = fill("requests without a key", lambda: stores.refusals.of_project(None), none)
    return SetupView(
        f"Set up {project.name}",
        url,
        project.public_key,
        project_dsn(stores.settings, project),
        snippets(Target(url, project.public_key or KEY_LEFT_OUT, project.id)),
        tuple(ArrivedRow(t, links.occurrence(i), id_time(i)) for t, i in sorted(newest.items())),
        ledger.totals.accepted if ledger else None,
        ledger.totals.in_flight if ledger else None,
        tuple(map(_row, refused)),
        tuple(map(_row, strangers)),
        caller.may("admin", project.id),
    )


def _recent(visit: Visit) -> Ledger:
    first, last = minute_of(visit.now - RECENTLY), minute_of(visit.now)
    return shown_ledger(visit.desk, visit.of_project.name, first, last)


def _row(refusal: Refusal) -> RefusalRow:
    return RefusalRow(
        refusal.status,
        refusal.kind.code,
        refusal.message,
        refusal.kind.path,
        refusal.kind.key,
        refusal.sender,
        refusal.count,
        refusal.at,
    )


PAGES = (
    Page(
        "/setup/<project>",
        "setup",
        setup,
        "pages/setup.html",
        needs="read",
        table="refusals",
        live=True,
        refresh=5,
    ),
)
