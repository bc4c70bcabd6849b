"""The audit: who did what, when, to what, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import fields, validate

from app.dashboard import links
from app.dashboard.page import Page, Place, Visit
from app.dashboard.paging import PageArguments, Paging, paging
from app.errors import bad_argument


class AuditArguments(PageArguments):
    """Only of a letter, a replay, a queue, a project, or whatever was acted on."""

    subject = fields.String(load_default=None, validate=validate.Length(max=200))


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What somebody did. ``reason`` is in their words, ``detail`` is the rest."""

    at: datetime
    actor: str
    action: str
    subject: str
    href: str
    reason: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditView:
    """Actions, newest first."""

    title: str
    entries: tuple[AuditRow, ...]
    subject: str
    paging: Paging


def audit(visit: Visit) -> AuditView:
    """The audit; raises ``ApiError`` 400 and ``StoreDown``."""
    asked = visit.arguments
    try:
        page = visit.desk.stores.workbench.audit.list(
            asked["subject"], asked["cursor"], asked["limit"]
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    rows = []
    for entry in page.items:
        detail = dict(entry.detail)
        reason = detail.pop("reason", None) or detail.pop("why", None) or ""
        href = links.audit(subject=entry.subject)
        row = (entry.at, entry.actor, entry.action, entry.subject, href, str(reason), detail)
        rows.append(AuditRow(*row))
    return AuditView(
        "Audit",
        tuple(rows),
        asked["subject"] or "",
        paging(links.audit(), asked, len(rows), page.next_cursor),
    )


PAGES = (
    Page(
        "/ops/audit",
        "audit",
        audit,
        "pages/audit.html",
        AuditArguments,
        needs="operate",
        table="entries",
        place=Place("Audit", "installation"),
    ),
)
