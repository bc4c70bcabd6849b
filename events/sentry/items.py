"""What becomes of the items of an envelope: events of ours, each with its protocol; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from events.cursor import JsonCursor
from events.limits import Limits, check_size
from events.parse import loads
from events.record import Malformed
from events.sentry.attachments import PROTOCOL as WITH_FILES
from events.sentry.attachments import is_minidump, with_files
from events.sentry.headed import headed
from events.sentry.ids import read_sdk_id
from events.sentry.minidump import read_minidump
from events.sentry.security import is_report
from events.sentry.wire import Item, Parcel

MAX_REPORTS = 1_000
"""Reports of browsers taken from one body."""

_ATTACHMENT = "attachment"
_OTHER = "other"
#: Types that Sentry knows and nothing is made of here: counted by their names, all else together.
_IGNORED = frozenset({_ATTACHMENT, "statsd", "metric_buckets", "metric_meta", "form_data", "nel"})


class Entry(NamedTuple):
    """An event to be. ``sdk_id`` is the id its SDK gave it; ``header`` is what its protocol keeps
    beside the item's own bytes.
    """

    event_type: str
    protocol: str
    payload: bytes
    sdk_id: UUID | None = None
    header: dict[str, Any] | None = None

    @property
    def body(self) -> bytes:
        """The body of the envelope of ours."""
        return self.payload if self.header is None else headed(self.header, self.payload)


@dataclass(slots=True)
class Contents:
    """What an envelope holds: events with their bodies' protocol and bytes, items that cannot be
    understood, and how many items of a type nothing is made of.
    """

    entries: list[Entry] = field(default_factory=list)
    faults: list[Malformed] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


def sort_out(parcel: Parcel, limits: Limits) -> Contents:
    """What becomes of an envelope's items; a bad one costs its neighbours nothing.

    Attachments go with the first event. Where an event does not tell its id, the envelope's header
    does, once.
    """
    contents = Contents(faults=[*parcel.faults])
    files = [item for item in parcel.items if item.type == _ATTACHMENT]
    for item in parcel.items:
        if item.type in _READERS:
            _add(contents, item, limits)
        elif item.type != _ATTACHMENT:
            contents.ignored[item.type if item.type in _IGNORED else _OTHER] += 1
    dump = next((item for item in files if is_minidump(item)), None)
    if dump is not None:
        _add_minidump(contents, dump)
    _name(contents.entries, read_sdk_id(parcel.header.get("event_id")))
    _attach(contents, files)
    return contents


def event_entry(payload: bytes, limits: Limits) -> Entry:
    """An item ``event``, or the body of the store endpoint; raises :class:`Malformed`."""
    value = _object(payload, limits)
    return Entry("crash", "sentry.event", payload, read_sdk_id(value.get("event_id")))


def security_entries(
    body: bytes, header: dict[str, Any], limits: Limits
) -> list[Entry | Malformed]:
    """The reports of a body, one or a list of them, in order; raises :class:`Malformed`."""
    cursor = JsonCursor(body, limits.max_event_bytes)
    if cursor.peek() != "[":
        return [_security_entry(body, header, limits)]
    entries: list[Entry | Malformed] = []
    for start, _ in cursor.elements():
        if len(entries) == MAX_REPORTS:
            raise Malformed("too_many", f"The body holds more than {MAX_REPORTS} reports.")
        report = body[start : cursor.at]
        try:
            entries.append(_security_entry(report, header, limits))
        except Malformed as fault:
            entries.append(fault.with_traceback(None))
    cursor.finish()
    return entries


def minidump_entry(dump: bytes, payload: bytes, sdk_id: UUID | None) -> Entry:
    """The crash of a minidump; raises :class:`Malformed` when it is none."""
    return Entry("crash", "sentry.minidump", payload, sdk_id, {"minidump": read_minidump(dump)})


def attached(entry: Entry, files: Sequence[Item]) -> Entry:
    """The event together with its files."""
    body = with_files(entry.protocol, entry.header or {}, entry.payload, files)
    return Entry(entry.event_type, WITH_FILES, body, entry.sdk_id)


def _add(contents: Contents, item: Item, limits: Limits) -> None:
    try:
        contents.entries.append(_READERS[item.type](item, limits))
    except Malformed as fault:
        contents.faults.append(fault.with_traceback(None))


def _add_minidump(contents: Contents, dump: Item) -> None:
    """Put the dump's facts to the event beside it, or make one: a dump alone is a crash."""
    at = next((n for n, one in enumerate(contents.entries) if one.protocol == "sentry.event"), None)
    try:
        if at is None:
            contents.entries.append(minidump_entry(dump.payload, b"{}", None))
        else:
            beside = contents.entries[at]
            contents.entries[at] = minidump_entry(dump.payload, beside.payload, beside.sdk_id)
    except Malformed as fault:
        if at is None:
            contents.faults.append(fault.with_traceback(None))


def _name(entries: list[Entry], sdk_id: UUID | None) -> None:
    for at, entry in enumerate(entries):
        if sdk_id is None or entry.sdk_id == sdk_id:
            return
        if entry.sdk_id is None and entry.protocol in _IDENTIFIED:
            protocol = _NAMED.get(entry.protocol, entry.protocol)
            header = {"event_id": sdk_id.hex, **(entry.header or {})}
            entries[at] = entry._replace(protocol=protocol, sdk_id=sdk_id, header=header)
            return


def _attach(contents: Contents, files: Sequence[Item]) -> None:
    if not files:
        return
    at = next((n for n, one in enumerate(contents.entries) if one.protocol in _IDENTIFIED), None)
    if at is None:
        contents.ignored[_ATTACHMENT] += len(files)
    else:
        contents.entries[at] = attached(contents.entries[at], files)


def _object(payload: bytes, limits: Limits) -> dict[str, Any]:
    check_size(payload, limits)
    value = loads(payload, limits.max_depth)
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The item is not a JSON object.")
    return value


def _event(item: Item, limits: Limits) -> Entry:
    return event_entry(item.payload, limits)


def _security(item: Item, limits: Limits) -> Entry:
    return _security_entry(item.payload, item.header, limits)


def _security_entry(payload: bytes, header: dict[str, Any], limits: Limits) -> Entry:
    if not is_report(_object(payload, limits)):
        raise Malformed("bad_item", "The item is no report that browsers send.")
    kept = {name: header[name] for name in _KEPT_OF_REPORTS if header.get(name)}
    return Entry("crash", "sentry.raw_security", payload, None, kept)


_KEPT_OF_REPORTS = ("sentry_release", "sentry_environment", "user_agent")
#: Protocols of events whose id the SDK tells, and which may have attachments.
_IDENTIFIED = frozenset({"sentry.event", "sentry.named_event", "sentry.minidump"})
#: What a protocol becomes when the id is kept beside the item, since the item does not tell it.
_NAMED = {"sentry.event": "sentry.named_event"}
_READERS: dict[str, Callable[[Item, Limits], Entry]] = {
    "event": _event,
    "raw_security": _security,
}
