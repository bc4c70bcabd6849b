"""What a person reads first: where and on what a crash happened, to whom, and by which clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.dashboard.amounts import duration
from app.dashboard.crash.parts import Picture, list_of, object_of, text_of
from app.dashboard.moments import instant
from app.dashboard.room import Room
from app.dashboard.text import as_text
from events.facets import facets_of_picture
from events.redact.matches import MARKER
from storage.query.parse import quoted

#: Clocks that differ by less tell nothing: a report needs some time to get here.
_SKEW_SECONDS = 60
_BYTES = 3_500
_ALWAYS = ("Release", "System", "URL", "User", "SDK")
"""Facts that are told of when they are blank, too."""
_AROUND = 80
_SCRUBBED = MARKER.decode()


@dataclass(frozen=True, slots=True)
class Highlight:
    """A fact; ``blank`` says why there is none. ``filter`` is the query that finds its like."""

    label: str
    value: str
    blank: str = ""
    filter: str = ""


def highlights(
    picture: Picture, blank: str = "not sent", room: Room | None = None
) -> tuple[Highlight, ...]:
    """The highlights of a picture. ``blank`` says why some are blank; empty: they are left out."""
    room = room or Room(_BYTES)
    facets = facets_of_picture(picture)
    client, request = object_of(picture, "client"), object_of(picture, "request")
    found = (
        _of("Release", text_of(picture, "version"), "version"),
        _of("System", facets.get("os", ""), "os"),
        _of("Browser", facets.get("browser", ""), "browser"),
        _of("Device", facets.get("device", ""), "device"),
        _of("URL", text_of(request, "url"), "url"),
        _of("User", user_of(picture), "user"),
        _of("Machine", text_of(picture, "machine"), "machine"),
        _of("SDK", " ".join(filter(None, (text_of(client, k) for k in ("name", "version"))))),
        _of("Transaction", text_of(picture, "transaction")),
        _of("Level", text_of(picture, "level")),
        _of("Logger", text_of(picture, "logger")),
        _of("Trace", text_of(picture, "trace_id"), "trace"),
        _of("Tags", ", ".join(as_text(tag) for tag in list_of(picture, "tags"))),
    )
    told = _ALWAYS if blank else ()
    shown = (one for one in found if one.value or one.blank or one.label in told)
    blanked = (one if one.value or one.blank else replace(one, blank=blank) for one in shown)
    return tuple(_fitting(one, room) for one in blanked)


def _fitting(one: Highlight, room: Room) -> Highlight:
    value, hidden = room.cut(one.value, around=_AROUND + len(one.filter))
    return replace(one, value=f"{value}…", filter="") if hidden else one


def user_of(picture: Picture) -> str:
    """What a user is known by; empty when nobody told."""
    user = object_of(picture, "user")
    known = (text_of(user, key) for key in ("identifier", "email", "name", "uuid"))
    return next(filter(None, known), "")


def clock_of(picture: Picture) -> str:
    """What is odd about the device's clock, as a sentence; empty when nothing is."""
    occurred, received = (
        instant(text_of(picture, name)) for name in ("occurred_at", "received_at")
    )
    if occurred is None or received is None:
        return "The SDK sent no time of the crash: times are those of receipt."
    seconds = (received - occurred).total_seconds()
    if abs(seconds) < _SKEW_SECONDS:
        return ""
    if seconds < 0:
        return f"The device's clock is {duration(-seconds)} ahead of the server's."
    return (
        f"Received {duration(seconds)} after it occurred: sent late, or the device's clock is slow."
    )


def _of(label: str, value: str, key: str = "") -> Highlight:
    if value == _SCRUBBED:
        return Highlight(label, "", "scrubbed by a redaction rule")
    return Highlight(label, value, filter=f"{key}:{quoted(value)}" if key and value else "")
