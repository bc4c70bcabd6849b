"""Finds the module of an event type by its name in the policy table."""

from __future__ import annotations

import importlib
from functools import cache
from typing import cast

from config.policy import EVENT_TYPES
from events.record import EventType


@cache
def event_type(name: str) -> EventType:
    """The module ``events.<name>``; raises ``KeyError`` when the policy table has no such type."""
    if name not in {policy.name for policy in EVENT_TYPES}:
        raise KeyError(name)
    return cast(EventType, importlib.import_module(f"events.{name}"))
