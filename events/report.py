"""A crash and a RUM item in one shape, whichever protocol and SDK they came through."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class Frame(NamedTuple):
    """A call. ``in_app`` is false for the runtime's, the framework's and libraries' code.

    ``source`` is the text of the line, ``before`` and ``after`` are those around it, where the SDK
    sends them.
    """

    file: str | None
    line: int | None
    column: int | None
    class_name: str | None
    method: str | None
    source: str | None
    in_app: bool
    locals: Any = None
    before: list[str] | None = None
    after: list[str] | None = None


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
    """What every crash has. ``platform`` names the frames' language, as in :mod:`events.code`.

    A ``grouping_key`` that the application set decides alone which group it is in;
    ``grouping_parts`` tell crashes apart that would else be one group.

    ``trace_id`` (32 hexadecimal digits) and ``span_id`` (16) say within which operation it
    happened, where the SDK traces.
    """

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
    trace_id: str | None = None
    span_id: str | None = None
    grouping_parts: tuple[str, ...] = ()
    user_agent: str | None = None
    session_id: str | None = None


class CrashReport(Protocol):
    """A crash's body, opened by the reader of its protocol: parts are read when asked for.

    Opening raises :class:`events.record.Malformed`. ``exact`` keeps every digit of numbers.
    """

    def __init__(self, body: bytes, *, exact: bool = False) -> None: ...

    def crash(self) -> Crash:
        """What every crash has."""
        ...

    def request(self) -> dict[str, Any] | None:
        """The request that was being served."""
        ...

    def breadcrumbs(self) -> list[dict[str, Any]] | None:
        """What happened before, oldest first; null when the SDK sends none at all."""
        ...


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
    """A RUM event. ``note`` says what of it could not be read.

    ``message`` is what a person wrote, ``about`` the id that their SDK gave the event they wrote
    of; ``sdk_id`` is the one it gave to this. ``page`` is where it was, if no timing tells.
    """

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
    page: str | None = None
    message: str | None = None
    about: UUID | None = None
    sdk_id: UUID | None = None
