"""One row of the API: a route with its schemas. Routes, checks and OpenAPI read the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from flask import Response
from marshmallow import Schema

from app.api.access import CallerCheck, Need, require_right
from app.api.arguments import Nothing
from app.api.names import ProjectNames
from app.errors import not_found
from app.health import Health
from app.last_known import LastKnown
from app.stores import Stores
from events.ids import Clock
from storage.rights import NOBODY, Caller

Scope = Literal["installation", "filtered", "owned"]
"""Where an endpoint asks for the right that it needs: in the installation, for what concerns all
projects; in the project that its argument ``project`` names, which is set to a caller's only one;
in that of each thing that it is about, as the handler asks :meth:`Desk.require`."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a handler works with: the stores, names of projects, who is who, the time, how all is,
    what was known last, who asks, and what the row of the handler needs of them.
    """

    stores: Stores
    names: ProjectNames
    tokens: CallerCheck
    sessions: CallerCheck
    now_ms: Clock
    health: Health
    memory: LastKnown
    caller: Caller = NOBODY
    needs: Need = "admin"

    def require(self, project_id: int | None, what: str) -> None:
        """The check of a thing: whether who asks has in its project, or by null in the
        installation, the right that the row needs. Raises as :func:`require_right`.
        """
        require_right(self.caller, self.needs, project_id, what)


Arguments = dict[str, Any]
Handler = Callable[[Desk, Arguments], dict[str, Any] | Response]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``rule`` is relative to /api/v1. ``answer`` documents a JSON answer; null means bytes.

    ``needs`` is the right that a caller must have, and ``scope`` where: in the installation unless
    a row says otherwise.

    ``opens_with`` is how a caller asks: by ``token``, ``token_or_key``, or ``nothing``. A method
    other than GET changes something: its handler is also given the fields of ``body``, a JSON
    object, and who acts as ``actor``. With ``body`` null it reads the bytes itself.
    """

    rule: str
    name: str
    summary: str
    handler: Handler
    answer: type[Schema] | None
    arguments: type[Schema] = Nothing
    opens_with: str = "token"
    method: str = "GET"
    body: type[Schema] | None = Nothing
    scope: Scope = "installation"
    needs: Need = field(kw_only=True)


def parse_id(text: str, what: str) -> UUID:
    """An id of a path; one that is no UUID names nothing: raises ``ApiError`` 404."""
    try:
        return UUID(text)
    except ValueError:
        raise not_found(what) from None
