"""The API keys of a project: made, named, listed without secrets, revoked."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.api.answers import Time, nullable, page_of
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.projects import find_project
from app.api.users import parse_number
from app.refusing import telling
from storage.sql.api_keys import MAX_NAME_CHARS

_NAME = validate.Length(max=MAX_NAME_CHARS)


class KeyBody(Schema):
    """A key to make; a ``public`` one stands in the project's DSN from then on."""

    name = fields.String(load_default="", validate=_NAME)
    public = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class KeyName(Schema):
    """What people know a key by."""

    name = fields.String(required=True, validate=_NAME)


class Key(Schema):
    """A key as it may be shown: whole, where it stands in a DSN, which everybody can read."""

    id = fields.Integer(required=True)
    prefix = fields.String(required=True)
    name = fields.String(required=True)
    public_key = nullable(fields.String, required=True)
    created_at = Time(required=True)
    revoked_at = nullable(Time, required=True)


class NewKey(Schema):
    """A key that was made. ``shared`` is false when the broker's copy of keys is behind."""

    project = fields.String(required=True)
    key = fields.String(required=True)
    shared = fields.Boolean(required=True)


def list_keys(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/keys, newest first, in one page."""
    project = find_project(desk, arguments["project"])
    items = Key(many=True).dump(desk.stores.keys.of_project(project))
    return {"items": items, "next_cursor": None}


def add_key(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /projects/{project}/keys."""
    project = find_project(desk, arguments["project"])
    with telling("name"):
        made = desk.stores.keys.add(
            project, arguments["actor"], public=arguments["public"], name=arguments["name"]
        )
    return {"project": project.name, "key": made.key, "shared": made.shared}


def rename_key(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """PUT /projects/{project}/keys/{key_id}."""
    project = find_project(desk, arguments["project"])
    number = parse_number(arguments["key_id"], "key")
    with telling("name"):
        renamed = desk.stores.keys.rename(project, number, arguments["name"], arguments["actor"])
    return dict(Key().dump(renamed))


def revoke_key(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """DELETE /projects/{project}/keys/{key_id}: its events stay."""
    project = find_project(desk, arguments["project"])
    number = parse_number(arguments["key_id"], "key")
    with telling("key"):
        revoked, shared = desk.stores.keys.revoke(project, number, arguments["actor"])
    return {**Key().dump(revoked), "shared": shared}


class RevokedKey(Key):
    """A key that is revoked. ``shared`` is false when the broker's copy of keys does not know: it
    would take the key while PostgreSQL is away.
    """

    shared = fields.Boolean(required=True)


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/keys",
        "list_keys",
        "A project's API keys, without those that are secret",
        list_keys,
        page_of(Key),
        scope="owned",
        needs="admin",
    ),
    Endpoint(
        "/projects/<path:project>/keys",
        "add_key",
        "Give a project one more API key",
        add_key,
        NewKey,
        method="POST",
        body=KeyBody,
        scope="owned",
        needs="admin",
    ),
    Endpoint(
        "/projects/<path:project>/keys/<key_id>",
        "rename_key",
        "Call an API key something else",
        rename_key,
        Key,
        method="PUT",
        body=KeyName,
        scope="owned",
        needs="admin",
    ),
    Endpoint(
        "/projects/<path:project>/keys/<key_id>",
        "revoke_key",
        "Refuse an API key from now on",
        revoke_key,
        RevokedKey,
        method="DELETE",
        scope="owned",
        needs="admin",
    ),
)
