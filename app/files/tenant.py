"""Whose blobs a request is about: of a token, a signed URL or an API key."""

from __future__ import annotations

from typing import NamedTuple

from flask import Request, request

from app.api.access import bearer, request_keys
from app.api.names import narrowed, no_such_project
from app.errors import ApiError, bad_argument
from app.files.access import RIGHTS_OF
from app.files.desk import FilesDesk
from app.files.signing import SIGNATURE, Deed
from storage.rights import Caller


class Tenant(NamedTuple):
    """A project, and whether who asks has proved more than an API key, which browsers show."""

    project_id: int
    trusted: bool


def reading_tenant(desk: FilesDesk) -> Tenant:
    """Whose blobs a token or signed URL reads; an API key reads none.

    Raises ``ApiError`` 400, 401 or 403, and ``StoreDown``.
    """
    return _of_caller(desk, "read")


def writing_tenant(desk: FilesDesk) -> Tenant:
    """Whose blob a token, a signed URL for writing or an API key brings; raises likewise."""
    keys = request_keys(request)
    if keys and bearer(request) is None and SIGNATURE not in request.args:
        return Tenant(_owner(desk, keys), trusted=False)
    return _of_caller(desk, "write")


def _of_caller(desk: FilesDesk, deed: Deed) -> Tenant:
    caller = desk.gate.caller(request, deed)
    if SIGNATURE in request.args:
        (project_id,) = caller.grants
        return Tenant(project_id, trusted=True)
    return Tenant(_named_project(desk, caller, deed, request), trusted=True)


def _named_project(desk: FilesDesk, caller: Caller, deed: Deed, asked: Request) -> int:
    """The project that ``project`` names; a token of one project need not name it."""
    given = {"project": asked.args.get("project")}
    name = narrowed(given, caller, RIGHTS_OF[deed])["project"]
    if name is None:
        raise bad_argument("project", "must be named: this token is of all projects")
    project = desk.projects.by_name(name)
    if project is None:
        raise no_such_project(name)
    return project.id


def _owner(desk: FilesDesk, keys: list[str]) -> int:
    owners = (desk.projects.find_key(key) for key in keys)
    owner = next((found for found in owners if found is not None), None)
    if owner is None:
        raise ApiError(403, "key_unknown", "There is no such API key.")
    if owner.revoked:
        raise ApiError(403, "key_revoked", "This API key is revoked.")
    return owner.project_id
