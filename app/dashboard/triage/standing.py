"""Where a group stands, as a chip and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.dashboard.charts import Tone
from events.triage import Triage
from storage.sql.groups import Group

_TONES: dict[str, Tone] = {
    "new": "busy",
    "open": "plain",
    "regressed": "bad",
    "resolved": "ok",
    "ignored": "dead",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """``status`` is what the list filters by, ``new`` among the open; ``terms`` say the rest."""

    status: str
    tone: Tone
    terms: str


def standing(group: Group, now: datetime) -> Standing:
    """How a group stands at a moment."""
    status = "new" if group.triage.is_new(group.first_seen, now) else group.status
    return Standing(status, _TONES.get(status, "plain"), _terms(group))


def _terms(group: Group) -> str:
    triage = group.triage
    if group.discarded:
        return "nothing more of it is stored"
    if triage.status == "resolved" and triage.resolution.version is not None:
        when = "after" if triage.resolution.after else "in"
        return f"{when} {triage.resolution.version}"
    return _until(triage) if triage.status == "ignored" else ""


def _until(triage: Triage) -> str:
    until = triage.until
    parts = [f"{until.at:%Y-%m-%d %H:%M} UTC"] if until.at else []
    if until.count is not None:
        parts.append(f"{until.count:,} occurrences")
    if until.users is not None:
        parts.append(f"{until.users:,} users")
    return f"until {' or '.join(parts)}" if parts else "for ever"
