"""An event of Sentry's, opened: an error or a message, with what surrounded it."""

from __future__ import annotations

from typing import Any

from events.fields import members
from events.moment import read_moment
from events.parse import loads, loads_exact
from events.plain import PICTURE, plain
from events.record import Malformed
from events.report import Crash
from events.sentry.context import (
    read_breadcrumbs,
    read_custom,
    read_environment,
    read_level,
    read_request,
    read_tags,
    read_url,
    read_user,
)
from events.sentry.errors import read_error, read_threads
from events.sentry.frames import platform_of
from events.sentry.grouping import read_fingerprint
from events.sentry.headed import behead
from events.sentry.ids import hex_id, read_sdk_id
from events.text import as_text
from events.user_agent import user_agent_in

_SHORT = 1_000


class SentryEvent:
    """One item ``event``, or body of the store endpoint. Raises :class:`Malformed` when it is no
    JSON object.

    ``exact`` keeps every digit of integers beyond 64 bits, which takes a slower parser.
    """

    def __init__(self, body: bytes, *, exact: bool = False) -> None:
        value = loads_exact(body) if exact else loads(body)
        if not isinstance(value, dict):
            raise Malformed("not_an_object", "The event is not a JSON object.")
        self._event = value
        sdk = as_text(members(value.get("sdk")).get("name"), _SHORT)
        self._platform = platform_of(value.get("platform"), sdk)
        self.sdk_id = read_sdk_id(value.get("event_id"))

    def crash(self) -> Crash:
        """What every crash has."""
        event = self._event
        sdk = members(event.get("sdk"))
        platform = self._platform
        error = read_error(event, platform)
        key, parts = read_fingerprint(event, error)
        trace = members(members(event.get("contexts")).get("trace"))
        return Crash(
            read_moment(event.get("timestamp")),
            platform,
            as_text(sdk.get("name"), _SHORT),
            as_text(sdk.get("version"), _SHORT),
            as_text(event.get("release"), _SHORT),
            as_text(event.get("server_name"), _SHORT),
            read_url(event),
            key,
            error,
            read_user(event.get("user")),
            read_tags(event.get("tags")),
            read_custom(event),
            read_environment(event),
            hex_id(trace.get("trace_id"), 32),
            hex_id(trace.get("span_id"), 16),
            tuple(parts),
            user_agent_in(members(event.get("request")).get("headers")),
        )

    def request(self) -> dict[str, Any] | None:
        """The request that was being served."""
        return read_request(self._event)

    def breadcrumbs(self) -> list[dict[str, Any]] | None:
        """What happened before, oldest first; null when the SDK sends none at all."""
        return read_breadcrumbs(self._event.get("breadcrumbs"))

    def threads(self) -> list[dict[str, Any]] | None:
        """The threads that ran, each with its frames; null when the SDK tells of none."""
        return read_threads(self._event, self._platform)

    def more(self) -> dict[str, Any]:
        """What else a person wants to know, beside what crashes of all protocols have."""
        event = self._event
        return {
            "sdk_id": None if self.sdk_id is None else self.sdk_id.hex,
            "level": read_level(event.get("level")),
            "logger": as_text(event.get("logger"), _SHORT),
            "transaction": as_text(event.get("transaction"), _SHORT),
            "modules": plain(event.get("modules") or None, PICTURE),
        }


class NamedEvent(SentryEvent):
    """An event that does not tell its id, with the line before it that does."""

    def __init__(self, body: bytes, *, exact: bool = False) -> None:
        header, payload = behead(body)
        super().__init__(payload, exact=exact)
        self.sdk_id = self.sdk_id or read_sdk_id(header.get("event_id"))
