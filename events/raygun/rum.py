"""One item of Raygun RUM's ``eventData``, of browsers and of mobile SDKs."""

from __future__ import annotations

from typing import Any

from events.fields import lowered
from events.moment import read_moment
from events.parse import loads
from events.plain import PICTURE, plain
from events.raygun.context import read_tags, read_user, read_version
from events.raygun.timings import read_timings
from events.record import Malformed
from events.report import RumItem
from events.text import as_text

_SHORT = 1_000
_DEVICE = ("device", "viewport", "os", "osversion", "platform")


def read_rum(body: bytes) -> RumItem:
    """The item, its measurements read from the inner JSON.

    Raises :class:`Malformed` when it is no JSON object; inner JSON that cannot be read leaves a
    note instead.
    """
    value = loads(body)
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The RUM item is not a JSON object.")
    fields = lowered(value)
    client = lowered(fields.get("client"))
    timings, note = read_timings(fields.get("data"))
    return RumItem(
        read_moment(fields.get("timestamp")),
        as_text(fields.get("type"), _SHORT) or "unknown",
        as_text(fields.get("sessionid"), _SHORT),
        as_text(fields.get("requestid"), _SHORT),
        as_text(client.get("name"), _SHORT),
        as_text(client.get("version"), _SHORT),
        read_version(fields.get("version")),
        read_user(fields.get("user")),
        read_tags(fields.get("tags")),
        timings,
        note,
        _device(fields),
    )


def _device(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(fields.get(name), PICTURE) for name in _DEVICE}
