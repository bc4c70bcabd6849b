"""Transactions as tables show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.dashboard import links
from app.dashboard.links import Named, ProjectName
from storage.sql.traces import Transaction


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A transaction; it leads to its span in its trace. ``user_href`` leads to its user."""

    started_at: datetime | None
    name: str
    href: str
    service: str
    environment: str
    version: str
    category: str
    duration_ms: float | None
    failed: bool
    user: str
    user_href: str


def transaction_rows(project: Named, found: Sequence[Transaction]) -> tuple[TransactionRow, ...]:
    """Transactions as rows of a page of ``project``."""
    return tuple(
        TransactionRow(
            started_at=one.started_at,
            name=one.name or "",
            href=links.trace(project, one.trace_id.hex, span=one.span_id),
            service=one.service or "",
            environment=one.environment or "",
            version=one.version or "",
            category=one.category or "",
            duration_ms=one.duration_ms,
            failed=one.failed,
            user=one.user or "",
            user_href=_user(one),
        )
        for one in found
    )


def _user(one: Transaction) -> str:
    """Where its user is, in its own project."""
    return links.user(ProjectName(one.project_id, one.project), one.user) if one.user else ""


def hit_rows(project: Named, found: Sequence[Mapping[str, Any]]) -> list[TransactionRow]:
    """Spans that search found, as such rows; those without a trace are left out."""
    return [
        TransactionRow(
            started_at=_moment(one["started_at"]),
            name=one["operation"] or "",
            href=links.trace(project, one["trace_id"], span=one["span_id"]),
            service=one["service"] or "",
            environment=one["environment"] or "",
            version=one["version"] or "",
            category=one["category"] or "",
            duration_ms=one["duration_ms"],
            failed=one["status"] == "error",
            user="",
            user_href="",
        )
        for one in found
        if one["trace_id"]
    ]


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
