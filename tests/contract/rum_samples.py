"""Real-user monitoring as raygun4js 3.1.4 sends it, field by field, and crashes beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from events.envelope import Envelope
from events.ids import new_id
from events.record import Record
from events.registry import event_type

HOST = "https://shop.example.test"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)


def item(
    kind: str, data: list[Any] | None = None, *, session: str = "s1", user: str = "ann", **more: Any
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "sessionId": session,
        "type": kind,
        "user": {"Identifier": user, "IsAnonymous": False},
        "version": "4.2.0",
        "device": CHROME,
        "client": {"name": "raygun4js", "version": "3.1.4"},
        "tags": [],
        **more,
    }
    return shown if data is None else {**shown, "data": json.dumps(data)}


def start(**more: Any) -> dict[str, Any]:
    return item("session_start", **more)


def view(
    path: str, load: float, *others: dict[str, Any], request: str = "r1", **more: Any
) -> dict[str, Any]:
    marks = {"a": 1, "b": 2, "c": 12, "d": 12, "e": 42, "f": 142, "g": 162, "h": 170}
    marks |= {"i": 400, "j": 420, "k": load - 20, "l": load - 20, "m": load - 10}
    page = {
        "url": f"{HOST}{path}",
        "parentResource": {"url": f"{HOST}{path}", "type": "p"},
        "timing": {"t": "p", "du": load, **marks, "fcp": "143.78"},
    }
    return item("web_request_timing", [page, *others], requestId=request, **more)


def loaded(name: str, ms: float, letter: str = "c", path: str = "/", **more: Any) -> dict[str, Any]:
    return {
        "url": f"{HOST}{name}",
        "timing": {"t": letter, "du": f"{ms:.2f}", "a": "10.00"},
        "parentResource": {"url": f"{HOST}{path}", "type": "p"},
        **more,
    }


def vital(name: str, value: float, path: str, request: str = "r1", **more: Any) -> dict[str, Any]:
    measured = {
        "url": name,
        "timing": {"t": "w", "du": f"{value:.3f}"},
        "parentResource": {"url": f"{HOST}{path}", "type": "p"},
    }
    return item("web_request_timing", [measured], requestId=request, **more)


def event(body: dict[str, Any], at: datetime = NOON, project_id: int = 1) -> Envelope:
    """An event received at a moment, half a second after the device's clock."""
    stamped = {"timestamp": (at - timedelta(milliseconds=500)).isoformat(), **body}
    return Envelope(
        new_id(int(at.timestamp() * 1000)),
        project_id,
        "rum",
        "raygun.rum",
        json.dumps(stamped).encode(),
    )


def crash(
    path: str = "/cart", user: str = "ann", at: datetime = NOON, project_id: int = 1, **details: Any
) -> Envelope:
    report = {
        "occurredOn": (at - timedelta(milliseconds=500)).isoformat(),
        "details": {
            "client": {"name": "raygun-js", "version": "3.1.4"},
            "version": "4.2.0",
            "error": {"className": "TypeError", "message": f"boom on {path}", "stackTrace": []},
            "request": {"url": f"{HOST}{path}#top"},
            "user": {"identifier": user},
            **details,
        },
    }
    return Envelope(
        new_id(int(at.timestamp() * 1000)),
        project_id,
        "crash",
        "raygun.entry",
        json.dumps(report).encode(),
    )


def record(envelope: Envelope) -> Record:
    return event_type(envelope.type).normalise(envelope)
