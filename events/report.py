"""A crash and a RUM item in one shape, whichever protocol and SDK they came through."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class Frame(NamedTuple):
    """A call. ``in_app`` is false for the runtime's, the framework's and libraries' code."""

    file: str | None
    line: int | None
    column: int | None
    class_name: str | None
    method: str | None
    source: str | None
    in_app: bool
    locals: Any = None


class Error(NamedTuple):
    """What was thrown; ``frames`` innermost first, ``inner`` its causes.

    ``frames_omitted`` counts the outermost frames beyond the bound.
    """

    class_name: str | None
    message: str | None
    frames: list[Frame]
    inner: list[Error]
    frames_omitted: int = 0
    data: Any = None


class User(NamedTuple):
    """Whom it happened to, as far as the application told."""

    identifier: str | None = None
    email: str | None = None
    name: str | None = None
    anonymous: bool | None = None
    uuid: str | None = None

    @property
    def key(self) -> str | None:
        """What tells this user from others."""
        return self.identifier or self.email or self.uuid


class Crash(NamedTuple):
    """What every crash has. ``platform`` names the frames' language, as in :mod:`events.code`."""

    occurred_at: datetime | None
    platform: str
    client_name: str | None
    client_version: str | None
    version: str | None
    machine: str | None
    url: str | None
    grouping_key: str | None
    error: Error | None
    user: User
    tags: list[str] | None
    custom: Any
    environment: Any


class Timing(NamedTuple):
    """One measurement. ``kind`` as :mod:`events.rum` lists them; times in ms, ``size`` in bytes.

    ``name`` is the URL, or what a vital or a custom timing is called; ``value`` is its duration,
    or a vital's score. ``detail`` holds the other numbers under the SDK's own names.
    """

    kind: str
    name: str | None
    value: float | None
    start_ms: float | None
    size: int | None
    status: int | None
    parent: str | None
    detail: dict[str, float]


class RumItem(NamedTuple):
    """A RUM event. ``note`` says what of it could not be read."""

    occurred_at: datetime | None
    type: str
    session_id: str | None
    request_id: str | None
    client_name: str | None
    client_version: str | None
    version: str | None
    user: User
    tags: list[str] | None
    timings: list[Timing]
    note: str | None
    device: dict[str, Any]
