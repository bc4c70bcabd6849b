"""Whose blobs a request is about: of a token, a signed URL or an API key."""

from __future__ import annotations

from typing import NamedTuple

from flask import Request, request

from app.api.access import bearer, request_keys, require_project
from app.api.names import no_such_project
from app.errors import ApiError, bad_argument
from app.files.desk import FilesDesk
from app.files.signing import SIGNATURE, Deed
from storage.sql.tokens import Caller


class Tenant(NamedTuple):
    """A project, and whether who asks has proved more than an API key, which browsers show."""

    project_id: int
    trusted: bool


def reading_tenant(desk: FilesDesk) -> Tenant:
    """Whose blobs a token or signed URL reads; an API key reads none.

    Raises ``ApiError`` 400, 401 or 403, and ``StoreDown``.
    """
    return _of_caller(desk, desk.gate.caller(request))


def writing_tenant(desk: FilesDesk) -> Tenant:
    """Whose blob a token, a signed URL for writing or an API key brings; raises likewise."""
    keys = request_keys(request)
    if keys and bearer(request) is None and SIGNATURE not in request.args:
        return Tenant(_owner(desk, keys), trusted=False)
    deed: Deed = "write"
    return _of_caller(desk, desk.gate.caller(request, deed))


def _of_caller(desk: FilesDesk, caller: Caller) -> Tenant:
    if SIGNATURE in request.args:
        if caller.project_id is None:
            raise ApiError(403, "signature_invalid", "This URL's signature does not open it.")
        return Tenant(caller.project_id, trusted=True)
    return Tenant(_named_project(desk, caller, request), trusted=True)


def _named_project(desk: FilesDesk, caller: Caller, asked: Request) -> int:
    """The project that ``project`` names; a token of one project need not name it."""
    name = asked.args.get("project")
    if name is None:
        if caller.project_id is None:
            raise bad_argument("project", "must be named: this token is of all projects")
        return caller.project_id
    project = desk.projects.by_name(name)
    if project is None or not caller.sees(project.id):
        raise no_such_project(name)
    require_project(caller, project.id, "project")
    return project.id


def _owner(desk: FilesDesk, keys: list[str]) -> int:
    owners = (desk.projects.find_key(key) for key in keys)
    owner = next((found for found in owners if found is not None), None)
    if owner is None:
        raise ApiError(403, "key_unknown", "There is no such API key.")
    if owner.revoked:
        raise ApiError(403, "key_revoked", "This API key is revoked.")
    return owner.project_id
