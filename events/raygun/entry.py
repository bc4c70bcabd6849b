"""A Raygun crash report, opened: its parts are read when they are asked for."""

from __future__ import annotations

from typing import Any

from events.fields import lowered
from events.moment import read_moment
from events.parse import loads, loads_exact
from events.raygun.context import (
    read_breadcrumbs,
    read_other,
    read_request,
    read_tags,
    read_user,
    read_version,
)
from events.raygun.errors import read_error
from events.raygun.platforms import platform_of
from events.record import Malformed
from events.report import Crash
from events.sessions import session_of
from events.text import as_text
from events.user_agent import user_agent_in

_SHORT = 1_000
_GROUPING_KEY = 10_000


class RaygunEntry:
    """One body of ``/entries``. Raises :class:`Malformed` when it is no report at all.

    ``exact`` keeps every digit of integers beyond 64 bits, which takes a slower parser.
    """

    def __init__(self, body: bytes, *, exact: bool = False) -> None:
        value = loads_exact(body) if exact else loads(body)
        if not isinstance(value, dict):
            raise Malformed("not_an_object", "The report is not a JSON object.")
        entry = lowered(value)
        self._occurred_on = entry.get("occurredon")
        self._sent = entry.get("details")
        self._details = lowered(self._sent)

    def crash(self) -> Crash:
        """What every crash has."""
        details = self._details
        client = lowered(details.get("client"))
        name = as_text(client.get("name"), _SHORT)
        platform = platform_of(name)
        request = lowered(details.get("request"))
        tags, custom = read_tags(details.get("tags")), details.get("usercustomdata")
        return Crash(
            read_moment(self._occurred_on),
            platform,
            name,
            as_text(client.get("version"), _SHORT),
            read_version(details.get("version")),
            as_text(details.get("machinename"), _SHORT),
            as_text(request.get("url"), _SHORT),
            as_text(details.get("groupingkey"), _GROUPING_KEY),
            read_error(details, platform),
            read_user(details.get("user")),
            tags,
            custom,
            details.get("environment"),
            user_agent=user_agent_in(request.get("headers")),
            session_id=session_of(custom, tags or (), details.get("breadcrumbs")),
        )

    def request(self) -> dict[str, Any] | None:
        """The request that was being served."""
        return read_request(self._details)

    def other(self) -> dict[str, Any] | None:
        """What was sent and no other part shows, such as threads, images, signals and globals."""
        return read_other(self._sent)

    def breadcrumbs(self) -> list[dict[str, Any]] | None:
        """What happened before, oldest first; null when the SDK sends none at all."""
        raw = self._details.get("breadcrumbs")
        return None if raw is None else read_breadcrumbs(raw)
