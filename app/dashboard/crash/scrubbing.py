"""A picture as it may leave the installation: redacted once more, by more than its project asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from app.dashboard.crash.parts import Picture
from events.redact.patterns import KnownKey
from events.redact.redactor import Redactor
from events.redact.rules import DEFAULT_VALUES, Rules

#: What Sluice itself tells of an event; no rule concerns it.
_OWN = ("id", "project", "type", "received_at", "occurred_at", "group_id", "platform", "version")


def scrubbed(picture: Picture, rules: Rules, keys: Iterable[KnownKey]) -> dict[str, Any]:
    """The picture without its user, and with every kind of value blanked that there are rules for:
    e-mails and addresses too. ``redacted`` counts what is blank in it.
    """
    strict = replace(rules, default_names=True, values=dict.fromkeys(DEFAULT_VALUES, True))
    shown = {name: value for name, value in picture.items() if name not in (*_OWN, "user")}
    body = orjson.dumps(shown, option=orjson.OPT_NON_STR_KEYS)
    preview = Redactor(strict, keys).preview(body)
    own = {name: picture.get(name) for name in _OWN}
    return {**orjson.loads(preview.body), **own, "user": None, "redacted": preview.redacted}
