"""One row of the API: a route with its schemas. Routes, checks and OpenAPI read the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema

from app.api.access import TokenCheck
from app.api.arguments import Nothing
from app.api.names import ProjectNames
from app.errors import ApiError
from app.stores import Stores
from events.ids import Clock


@dataclass(frozen=True, slots=True)
class Desk:
    """What a handler works with: the stores, names of projects, tokens, and the time."""

    stores: Stores
    names: ProjectNames
    tokens: TokenCheck
    now_ms: Clock


Arguments = dict[str, Any]
Handler = Callable[[Desk, Arguments], dict[str, Any] | Response]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``rule`` is relative to /api/v1. ``answer`` documents a JSON answer; null means bytes.

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


def not_found(what: str) -> ApiError:
    """The 404 of a thing that is not there, or not this caller's."""
    return ApiError(404, "not_found", f"There is no such {what}.")


def parse_id(text: str, what: str) -> UUID:
    """An id of a path; one that is no UUID names nothing: raises ``ApiError`` 404."""
    try:
        return UUID(text)
    except ValueError:
        raise not_found(what) from None
