"""One row of the API: a route with its schemas. Routes, checks and OpenAPI read the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from flask import Response
from marshmallow import Schema

from app.api.access import TokenCheck, require_project
from app.api.arguments import Nothing
from app.api.names import ProjectNames
from app.errors import not_found
from app.stores import Stores
from events.ids import Clock
from storage.sql.tokens import NOBODY, Caller

Scope = Literal["installation", "filtered", "owned"]
"""What a token of one project may do with an endpoint: nothing, for what concerns all projects;
see its project alone, as the argument ``project`` is set to it; see what is its own, as the
handler asks :meth:`Desk.require` of each thing."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a handler works with: the stores, names of projects, tokens, the time, and who asks."""

    stores: Stores
    names: ProjectNames
    tokens: TokenCheck
    now_ms: Clock
    caller: Caller = NOBODY

    def require(self, project_id: int | None, what: str) -> None:
        """See :func:`app.api.access.require_project`, for who asks."""
        require_project(self.caller, project_id, what)


Arguments = dict[str, Any]
Handler = Callable[[Desk, Arguments], dict[str, Any] | Response]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``rule`` is relative to /api/v1. ``answer`` documents a JSON answer; null means bytes.

    ``scope`` is closed to tokens of one project unless a row says otherwise.

    ``opens_with`` is what a caller needs: ``token``, ``token_or_key``, or ``nothing``. A method
    other than GET changes something: its handler is also given the fields of ``body``, a JSON
    object, and the name of the caller's token as ``actor``. With ``body`` null it reads the bytes
    itself.
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


def parse_id(text: str, what: str) -> UUID:
    """An id of a path; one that is no UUID names nothing: raises ``ApiError`` 404."""
    try:
        return UUID(text)
    except ValueError:
        raise not_found(what) from None
