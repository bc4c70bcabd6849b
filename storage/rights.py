"""Who asks, and what they may do: rights, the roles that give them, and callers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

Right = Literal["read", "triage", "operate", "admin"]
"""To read; to triage groups and bring files; to operate queues and dead letters; to administer.
Each includes those before it."""

ProjectRole = Literal["viewer", "member", "admin"]
InstallationRole = Literal["operator", "admin"]

RIGHTS: tuple[Right, ...] = get_args(Right)
PROJECT_ROLES: Mapping[ProjectRole, Right] = MappingProxyType(
    {"viewer": "read", "member": "triage", "admin": "admin"}
)
INSTALLATION_ROLES: Mapping[InstallationRole, Right] = MappingProxyType(
    {"operator": "operate", "admin": "admin"}
)

_RANK: Mapping[Right | None, int] = {None: -1, **{right: n for n, right in enumerate(RIGHTS)}}


def includes(right: Right | None, needed: Right) -> bool:
    """Whether who has a right, null for none, has the one that is needed."""
    return _RANK[right] >= _RANK[needed]


def lesser(one: Right | None, other: Right) -> Right | None:
    """The right that both give."""
    return min(one, other, key=_RANK.__getitem__)


@dataclass(frozen=True, slots=True)
class Grant:
    """A right in a project of this name."""

    project: str
    right: Right


Grants: TypeAlias = Mapping[int, Grant]
"""Grants by the number of their project."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user by e-mail address, or a token by its name.

    ``everywhere`` is the right in the installation and all projects, ``grants`` those in single
    ones. ``user_id`` is the user's, also where the user asks by a token, whose name is ``token``.
    """

    name: str
    everywhere: Right | None = None
    grants: Grants = field(default_factory=lambda: MappingProxyType({}))
    user_id: int | None = None
    token: str | None = None

    @property
    def actor(self) -> str:
        """Who acts, for the audit."""
        return self.name if self.token is None else f"{self.name} by token {self.token}"

    def right_in(self, project_id: int | None) -> Right | None:
        """The right in a project, or, by null, in the installation."""
        grant = self.grants.get(project_id) if project_id is not None else None
        return self.everywhere if grant is None else _greater(self.everywhere, grant.right)

    def may(self, right: Right, project_id: int | None) -> bool:
        """Whether the caller has a right in a project, or, by null, in the installation."""
        return includes(self.right_in(project_id), right)

    def sees(self, project_id: int) -> bool:
        """Whether what belongs to a project may be shown to this caller."""
        return self.may("read", project_id)

    def projects(self, right: Right = "read") -> list[int] | None:
        """The numbers of the projects in which the caller has a right; null for all of them."""
        if includes(self.everywhere, right):
            return None
        return [number for number, grant in self.grants.items() if includes(grant.right, right)]


NOBODY = Caller("")
"""Has no right anywhere."""


def of_project(name: str, project_id: int, project: str, right: Right) -> Caller:
    """A caller with a right in one project alone."""
    return Caller(name, grants={project_id: Grant(project, right)})


def by_token(user: Caller, token: str, scope: Right, project: tuple[int, str] | None) -> Caller:
    """A user who asks by a token: what is left of the user's rights within its scope, in a project
    by number and name or, by null, wherever.
    """
    if project is None:
        names = {number: grant.project for number, grant in user.grants.items()}
    else:
        names = dict([project])
    grants = {
        number: Grant(name, left)
        for number, name in names.items()
        if (left := lesser(user.right_in(number), scope)) is not None
    }
    everywhere = lesser(user.everywhere, scope) if project is None else None
    return Caller(user.name, everywhere, grants, user.user_id, token)


def _greater(one: Right | None, other: Right) -> Right:
    return other if one is None else max(one, other, key=_RANK.__getitem__)
