"""A user of an application, as far as their events tell. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from storage.rum import Share


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A group of crashes that a user met, how often, and when first and last."""

    group_id: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class UserSession:
    """A session of a user."""

    session_id: str
    first_at: datetime
    last_at: datetime
    events: int
    views: int


@dataclass(frozen=True, slots=True)
class UserPicture:
    """What is known of a user of a project. ``names`` are what events call them; ``devices`` has
    the values of each attribute that their events name, most frequent first.

    ``groups`` and ``sessions`` are the latest ones, of so many as the two counts say.
    """

    crashes: int
    rum_events: int
    first_at: datetime
    last_at: datetime
    names: Mapping[str, str]
    groups: list[UserGroup]
    group_count: int
    sessions: list[UserSession]
    session_count: int
    devices: Mapping[str, list[Share]] = field(default_factory=dict)
