"""The API keys of a project: the first tab of its settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.api.projects import project_dsn
from app.dashboard import links
from app.dashboard.page import Action, Made, Page, Place, SeeOther, Tab, Visit
from app.refusing import telling

OF = "settings"
"""The name of the page that all tabs of a project's settings stand beside."""
BEHIND = " The broker is away: while PostgreSQL is away, too, old keys would still be taken."


class NewKeyForm(Schema):
    """A key to make; a ``public`` one stands in the project's DSN from then on."""

    name = fields.String(load_default="", validate=validate.Length(max=500))
    public = fields.Boolean(load_default=False)


class RenameForm(Schema):
    """What a key shall be called."""

    key = fields.Integer(required=True)
    name = fields.String(load_default="", validate=validate.Length(max=500))


class KeyForm(Schema):
    """A key by its number."""

    key = fields.Integer(required=True)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key; ``shown`` is the whole of one that is no secret, else its beginning."""

    id: int
    name: str
    shown: str
    public: bool
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeysView:
    """``dsn`` is what Sentry's SDKs are set up with; null when no key that it can hold is good."""

    title: str
    dsn: str | None
    keys: tuple[KeyRow, ...]


def keys(visit: Visit) -> KeysView:
    """The project's keys, those that are good first."""
    project, stores = visit.of_project, visit.desk.stores
    found = sorted(stores.keys.of_project(project), key=lambda key: key.revoked_at is not None)
    rows = (
        KeyRow(
            key.id,
            key.name,
            key.public_key or f"{key.prefix}…",
            key.public_key is not None,
            key.created_at,
            key.revoked_at,
        )
        for key in found
    )
    return KeysView("Keys", project_dsn(stores.settings, project), tuple(rows))


def add(visit: Visit) -> Made:
    """Make a key, which is shown once."""
    given, project = visit.arguments, visit.of_project
    with telling("name"):
        made = visit.desk.stores.keys.add(
            project, visit.desk.caller.actor, public=given["public"], name=given["name"]
        )
    where = "It stands in the DSN from now on." if given["public"] else "Give it to the SDKs."
    return Made("The new key:", made.key, where)


def rename(visit: Visit) -> SeeOther:
    """Call a key something else."""
    given, project = visit.arguments, visit.of_project
    with telling("name"):
        visit.desk.stores.keys.rename(project, given["key"], given["name"], visit.desk.caller.actor)
    return SeeOther(links.settings(project), "The key is renamed.")


def revoke(visit: Visit) -> SeeOther:
    """Refuse a key from now on."""
    project = visit.of_project
    with telling("key"):
        revoked, shared = visit.desk.stores.keys.revoke(
            project, visit.arguments["key"], visit.desk.caller.actor
        )
    said = f"The key {revoked.prefix}… is revoked. The events it brought stay."
    return SeeOther(links.settings(project), said if shared else said + BEHIND)


KEYS = Page(
    "/p/<project>/settings",
    "settings",
    keys,
    "pages/settings/keys.html",
    needs="admin",
    table="keys",
    place=Place("Settings", key="s"),
    tab=Tab("Keys", OF),
)
PAGES = (KEYS,)
ACTIONS = (
    Action("/p/<project>/settings/keys", "add_key", add, NewKeyForm, needs="admin", again=KEYS),
    Action(
        "/p/<project>/settings/keys/name",
        "rename_key",
        rename,
        RenameForm,
        needs="admin",
        again=KEYS,
    ),
    Action(
        "/p/<project>/settings/keys/revoke",
        "revoke_key",
        revoke,
        KeyForm,
        needs="admin",
        again=KEYS,
    ),
)
