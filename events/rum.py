"""The event type ``rum``: sessions, page views, requests, web vitals and timings of real users.

One item an SDK reports is one event, whatever number of timings it carries. Its kind is that of
its most telling timing: ``page``, ``virtual_page``, ``view`` (mobile), ``xhr``, ``network``
(mobile), ``custom``, ``vital``, ``asset``; without timings it is the SDK's own type, such as
``session_start``, ``feedback`` or ``replay``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from events.crash import client_of, indexed_client, indexed_user, user_of
from events.envelope import Envelope
from events.moment import iso
from events.pages import page_of
from events.raygun.rum import read_rum
from events.record import Column, Malformed, Record
from events.report import RumItem, Timing
from events.resources import MOST_RESOURCES, resource_line
from events.sentry.feedback import (
    LATE_FILES,
    read_feedback,
    read_files,
    read_named_feedback,
    read_user_report,
)
from events.sentry.replays import read_replay
from events.text import as_text, clip
from events.user_agent import Agent, agent_of

COLUMNS = (
    Column("kind", "text"),
    Column("session_id", "text"),
    Column("page", "text"),
    Column("duration_ms", "double precision"),
    Column("version", "text"),
)

DERIVED: tuple[str, ...] = ()

CANARY_PROTOCOL = "raygun.rum"
CANARY_BODY = (
    b'{"sessionId": "canary", "timestamp": "2026-01-01T00:00:00Z", "type": "session_start"}'
)

_NAME = 200
_PAGE = 1_000
VIEWS = ("page", "virtual_page", "view")
_BESIDE_PAGE = frozenset({"xhr", "network", "asset", "custom"})
_TELLING = (*VIEWS, "xhr", "network", "custom", "vital", "asset")

_MESSAGE = 4_000

_READERS: dict[str, Callable[[bytes], RumItem]] = {
    "raygun.rum": read_rum,
    "sentry.feedback": read_feedback,
    "sentry.named_feedback": read_named_feedback,
    "sentry.user_report": read_user_report,
    "sentry.replay": read_replay,
    LATE_FILES: read_files,
}

#: Vitals that are told by a field each, by the names that browsers' libraries give them.
VITALS = ("LCP", "INP", "CLS", "FCP", "TTFB", "FID")

#: What a page's loading took, from the marks of navigation timing that SDKs send by letter; each is
#: the time between two of them (:mod:`events.raygun.timings`; the W3C's Navigation Timing).
PHASES = {
    "dns": ("b", "c"),
    "connect": ("d", "e"),
    "server": ("e", "f"),
    "download": ("f", "g"),
    "parse": ("g", "i"),
    "render": ("i", "k"),
    "load": ("l", "m"),
}

_COUNTRY = re.compile(r"country[:=]([A-Za-z]{2})")


def normalise(envelope: Envelope) -> Record:
    """The record of a RUM event; pure. Raises :class:`Malformed`."""
    item = _read(envelope)
    main = _main(item)
    row = (
        clip(_kind(item, main), _NAME),
        None if item.session_id is None else clip(item.session_id, _NAME),
        _page(item, main),
        _duration(main),
        None if item.version is None else clip(item.version, _NAME),
    )
    return Record(
        id=envelope.id,
        project_id=envelope.project_id,
        occurred_at=item.occurred_at,
        user_key=item.user.key,
        row=row,
        document=lambda: _document(item, row),
        redacted=envelope.redacted,
        sdk_id=item.sdk_id,
        about=item.about,
    )


def picture(envelope: Envelope) -> dict[str, Any]:
    """The full picture of a RUM event; raises :class:`Malformed`. What crashes have is null."""
    item = _read(envelope)
    main = _main(item)
    return {
        "occurred_at": iso(item.occurred_at),
        "client": client_of(item.client_name, item.client_version),
        "version": item.version,
        "error": None,
        "environment": None,
        "request": None,
        "user": user_of(item.user),
        "tags": item.tags,
        "custom": None,
        "breadcrumbs": None,
        "rum": {
            "kind": _kind(item, main),
            "type": item.type,
            "session_id": item.session_id,
            "request_id": item.request_id,
            "page": _page(item, main),
            "duration_ms": _duration(main),
            "timings": [timing._asdict() for timing in item.timings],
            "vitals": _vitals(item),
            "phases": _phases(item),
            "agent": _agent(item)._asdict(),
            "note": item.note,
            "message": item.message,
            "about": None if item.about is None else item.about.hex,
            **item.device,
        },
    }


def _read(envelope: Envelope) -> RumItem:
    reader = _READERS.get(envelope.protocol)
    if reader is None:
        raise Malformed("unknown_protocol", f"No RUM event is sent by {envelope.protocol!r}.")
    return reader(envelope.body)


def _main(item: RumItem) -> Timing | None:
    """The most telling timing of an event."""
    by_kind = {timing.kind: timing for timing in reversed(item.timings)}
    return next((by_kind[kind] for kind in _TELLING if kind in by_kind), None)


def _kind(item: RumItem, main: Timing | None) -> str:
    return item.type if main is None else main.kind


def _page(item: RumItem, main: Timing | None) -> str | None:
    """The page a timing measures, or the one it belongs to."""
    if main is not None and main.kind in VIEWS and main.name is not None:
        return clip(main.name, _PAGE)
    parent = next((timing.parent for timing in item.timings if timing.parent), item.page)
    return None if parent is None else clip(parent, _PAGE)


def _duration(main: Timing | None) -> float | None:
    """Milliseconds; a vital has a value of its own, which is not always a time."""
    return None if main is None or main.kind == "vital" else main.value


def _vitals(item: RumItem) -> dict[str, float | None]:
    return {
        timing.name: timing.value
        for timing in item.timings
        if timing.kind == "vital" and timing.name is not None
    }


def _document(item: RumItem, row: tuple[Any, ...]) -> dict[str, Any]:
    kind, session_id, page, duration, version = row
    where = None if page is None else page_of(page)
    agent = _agent(item)
    return {
        "kind": kind,
        "session_id": session_id,
        "request_id": None if item.request_id is None else clip(item.request_id, _NAME),
        "page": page,
        "host": where and where.host,
        "path": where and where.path,
        "version": version,
        "user": indexed_user(item.user),
        "duration_ms": duration,
        "vitals": _indexed_vitals(item),
        "phases": _phases(item),
        "resources": [
            resource_line(timing) for timing in item.timings if timing.kind in _BESIDE_PAGE
        ][:MOST_RESOURCES],
        "browser": agent.browser,
        "browser_version": agent.browser_version,
        "os": agent.os,
        "device": agent.device,
        "country": _country(item.tags or ()),
        "client": indexed_client(item.client_name, item.client_version),
        "tags": [clip(tag, _NAME) for tag in item.tags or ()],
        "message": item.message and clip(item.message, _MESSAGE),
    }


def _indexed_vitals(item: RumItem) -> dict[str, float] | None:
    found = {
        name.lower(): value
        for name, value in _vitals(item).items()
        if value is not None and name in VITALS
    }
    return found or None


def _phases(item: RumItem) -> dict[str, float] | None:
    """What the loading of a page took, phase by phase, in ms; null for what is no page's load.

    A phase that did not take place (a connection that was kept) took 0.
    """
    page = next((timing for timing in item.timings if timing.kind == "page"), None)
    if page is None:
        return None
    marks = page.detail
    took = {
        name: max(0.0, marks[end] - marks[start])
        for name, (start, end) in PHASES.items()
        if start in marks and end in marks
    }
    if "fcp" in marks:
        took["fcp"] = marks["fcp"]
    return took or None


def _agent(item: RumItem) -> Agent:
    """Browsers send their user agent as ``device``; mobile SDKs name the system themselves."""
    system = as_text(item.device.get("os"), _NAME)
    if system is not None:
        version = as_text(item.device.get("osversion"), _NAME)
        return Agent(os=" ".join(filter(None, (system, (version or "").partition(".")[0]))))
    text = item.device.get("device")
    return agent_of(text) if isinstance(text, str) and text else Agent()


def _country(tags: Iterable[str]) -> str | None:
    """The country that the application tagged the event with: SDKs send none."""
    found = next((match for tag in tags if (match := _COUNTRY.fullmatch(tag))), None)
    return None if found is None else found[1].upper()
