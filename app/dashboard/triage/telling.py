"""What happened to a group, as sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.sql.group_history import HistoryEntry
from storage.triage import TriageAction

_Detail = Mapping[str, Any]

_DONE = {
    "resolve": "Resolved",
    "reopen": "Opened again",
    "ignore": "Ignored",
    "assign": "Assigned",
    "merge": "Merged",
    "split": "Split off",
    "discard": "Discarded future events of",
    "undiscard": "Storing again what comes of",
}


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened: who did what; ``comment`` is what somebody said, in full.

    ``id`` names a comment of the reader's own, which may be taken back.
    """

    at: datetime
    who: str
    what: str
    comment: str
    id: int | None


def outcome(action: TriageAction, what: str = "") -> str:
    """What an action did so far, to whom it was told by a button."""
    counts = action.counts
    done, left_out, waiting = (counts.get(state, 0) for state in ("done", "skipped", "waiting"))
    noun = "fingerprint" if action.verb == "split" else "group"
    parts = [f"{_DONE[action.verb]} {what or _number(done, noun)}{action.terms()}."]
    if waiting:
        parts.append(f"{_number(waiting, noun)} more are under way.")
    if left_out:
        parts.append(f"{_number(left_out, noun)} left out, which changed meanwhile.")
    return " ".join(parts)


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def telling(entry: HistoryEntry, reader: str) -> Told:
    """An entry of a group's history for a reader."""
    detail = entry.detail
    tell = _SENTENCES.get(entry.action)
    what = tell(detail) if tell else entry.action
    comment = str(detail.get("text", "")) if entry.action == "commented" else ""
    own = entry.id if comment and entry.actor == reader else None
    return Told(entry.at, entry.actor or "Sluice", what, comment, own)


def _resolved(detail: _Detail) -> str:
    if not detail.get("version"):
        return "resolved it"
    return f"resolved it {'after' if detail.get('after') else 'in'} {detail['version']}"


def _regressed(detail: _Detail) -> str:
    if detail.get("version"):
        return f"it came back in {detail['version']}, resolved in {detail.get('resolved_in')}"
    return "it came back"


def _ignored(detail: _Detail) -> str:
    parts = [str(detail["until"])[:16].replace("T", " ")] if detail.get("until") else []
    parts += [f"{detail[name]:,} more {what}" for name, what in _MORE if detail.get(name)]
    return f"ignored it until {' or '.join(parts)}" if parts else "ignored it"


def _assigned(detail: _Detail) -> str:
    return f"gave it to {detail['assignee']}" if detail.get("assignee") else "gave it to nobody"


def _numbers(detail: _Detail) -> str:
    return ", ".join(f"#{one}" for one in detail.get("numbers") or () if one) or "others"


_MORE = (("count", "occurrences"), ("users", "users"))

_SENTENCES: dict[str, Callable[[_Detail], str]] = {
    "resolved": _resolved,
    "regressed": _regressed,
    "reopened": lambda _: "opened it again",
    "ignored": _ignored,
    "ignore_ended": lambda detail: f"ignoring ended: {detail.get('by')} reached",
    "assigned": _assigned,
    "merged": lambda detail: f"merged {_numbers(detail)} into it",
    "merged_into": lambda _: "merged it into another",
    "split": lambda detail: f"split {_numbers(detail)} off",
    "split_off": lambda detail: f"split it off #{detail.get('number')}",
    "discarded": lambda _: "discarded what comes of it",
    "undiscarded": lambda _: "wants what comes of it again",
    "commented": lambda detail: "took a comment back" if detail.get("taken_back") else "said",
    "undone": lambda detail: f"undid: {detail.get('verb')}",
}
