"""What becomes of the items of an envelope: events of ours, each with its protocol; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from events.cursor import JsonCursor
from events.limits import Limits, check_size
from events.parse import load_object
from events.record import Malformed
from events.sentry.attachments import PROTOCOL as WITH_FILES
from events.sentry.attachments import is_minidump, with_files
from events.sentry.containers import split_container
from events.sentry.feedback import LATE_FILES, about_files
from events.sentry.headed import headed
from events.sentry.ids import read_sdk_id
from events.sentry.minidump import read_minidump
from events.sentry.profiles import about_profile
from events.sentry.replays import open_replay_video, part_id
from events.sentry.security import is_report
from events.sentry.wire import Item, Parcel

MAX_REPORTS = 1_000
"""Reports of browsers taken from one body."""

_ATTACHMENT, _RECORDING = "attachment", "replay_recording"
_OTHER = "other"
#: Types that Sentry knows and nothing is made of here: counted by their names, all else together.
_IGNORED = frozenset(
    {_ATTACHMENT, _RECORDING, "statsd", "metric_buckets", "metric_meta", "form_data", "nel"}
)


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

    Attachments go with the first event, recordings with the first replay; attachments without one
    are an event that tells of the one they belong to. Where an event does not tell its id, the
    envelope's header does, once.
    """
    contents = Contents(faults=[*parcel.faults])
    files = [item for item in parcel.items if item.type == _ATTACHMENT]
    for item in parcel.items:
        if item.type in _READERS:
            _add(contents, item, limits)
        elif item.type not in _FILES:
            contents.ignored[item.type if item.type in _IGNORED else _OTHER] += 1
    dump = next((item for item in files if is_minidump(item)), None)
    if dump is not None:
        _add_minidump(contents, dump)
    sdk_id = read_sdk_id(parcel.header.get("event_id"))
    _name(contents.entries, sdk_id)
    if files and sdk_id and not any(one.protocol in _IDENTIFIED for one in contents.entries):
        contents.entries.append(Entry("rum", LATE_FILES, about_files(sdk_id, len(files))))
    _attach(contents, files, _IDENTIFIED | {LATE_FILES})
    recordings = [_recording(item) for item in parcel.items if item.type == _RECORDING]
    _attach(contents, recordings, frozenset({"sentry.replay"}))
    return contents


def event_entry(payload: bytes, limits: Limits) -> Entry:
    """An item ``event`` or ``transaction``, or the body of the store endpoint, which may be either;
    raises :class:`Malformed`.
    """
    value = _object(payload, limits)
    sdk_id = read_sdk_id(value.get("event_id"))
    if value.get("type") == "transaction":
        return Entry("trace", "sentry.transaction", payload, sdk_id)
    return Entry("crash", "sentry.event", payload, sdk_id)


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
        for one in _READERS[item.type](item, limits):
            if isinstance(one, Malformed):
                contents.faults.append(one)
            else:
                contents.entries.append(one)
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


def _attach(contents: Contents, files: Sequence[Item], protocols: frozenset[str]) -> None:
    """Put files to the first event of some protocols."""
    if not files:
        return
    at = next((n for n, one in enumerate(contents.entries) if one.protocol in protocols), None)
    if at is None:
        contents.ignored[files[0].type] += len(files)
    else:
        contents.entries[at] = attached(contents.entries[at], files)


def _object(payload: bytes, limits: Limits) -> dict[str, Any]:
    check_size(payload, limits)
    return load_object(payload, limits.max_depth)


def _event(item: Item, limits: Limits) -> list[Entry]:
    return [event_entry(item.payload, limits)]


def _transaction(item: Item, limits: Limits) -> list[Entry]:
    value = _object(item.payload, limits)
    sdk_id = read_sdk_id(value.get("event_id"))
    return [Entry("trace", "sentry.transaction", item.payload, sdk_id)]


def _span(item: Item, limits: Limits) -> list[Entry | Malformed]:
    """A container, or as SDKs sent it before, one span that is an object of its own."""
    if b'"items"' in item.payload:
        return _container("trace", item, limits)
    _object(item.payload, limits)
    return [Entry("trace", "sentry.span", item.payload)]


def _log(item: Item, limits: Limits) -> list[Entry | Malformed]:
    return _container("trace", item, limits)


def _metric(item: Item, limits: Limits) -> list[Entry | Malformed]:
    return _container("metric", item, limits)


def _container(event_type: str, item: Item, limits: Limits) -> list[Entry | Malformed]:
    bodies, faults = split_container(item.payload, limits)
    entries = [Entry(event_type, f"sentry.{item.type}", body) for body in bodies]
    return [*entries, *faults]


def _told(item: Item, limits: Limits) -> list[Entry]:
    """An item that is an object without an id, and one event of the type ``metric``."""
    _object(item.payload, limits)
    return [Entry("metric", f"sentry.{item.type}", item.payload)]


def _feedback(item: Item, limits: Limits) -> list[Entry]:
    value = _object(item.payload, limits)
    sdk_id = read_sdk_id(value.get("event_id")) if item.type == "feedback" else None
    return [Entry("rum", f"sentry.{item.type}", item.payload, sdk_id)]


def _replay(item: Item, limits: Limits) -> list[Entry]:
    value = _object(item.payload, limits)
    return [Entry("rum", "sentry.replay", item.payload, part_id(value))]


def _replay_video(item: Item, limits: Limits) -> list[Entry]:
    """What mobile SDKs send instead: MessagePack of the event, its recording and a video."""
    parts = open_replay_video(item.payload)
    [entry] = _replay(item._replace(payload=parts.event), limits)
    files = [("recording", parts.recording), ("video", parts.video)]
    return [
        attached(
            entry,
            [Item(_ATTACHMENT, {"filename": name}, data) for name, data in files if data],
        )
    ]


def _profile(item: Item, limits: Limits) -> list[Entry]:
    """What was sampled is a file: it may be large, and nothing is asked of it but to be kept."""
    profile = load_object(item.payload, limits.max_depth)
    entry = Entry("trace", "sentry.profile", about_profile(profile))
    header = {"filename": f"{item.type}.json", "content_type": "application/json"}
    return [attached(entry, [Item(_ATTACHMENT, header, item.payload)])]


def _recording(item: Item) -> Item:
    return item._replace(header={"filename": "recording"})


def _security(item: Item, limits: Limits) -> list[Entry]:
    return [_security_entry(item.payload, item.header, limits)]


def _security_entry(payload: bytes, header: dict[str, Any], limits: Limits) -> Entry:
    if not is_report(_object(payload, limits)):
        raise Malformed("bad_item", "The item is no report that browsers send.")
    kept = {name: header[name] for name in _KEPT_OF_REPORTS if header.get(name)}
    return Entry("crash", "sentry.raw_security", payload, None, kept)


_KEPT_OF_REPORTS = ("sentry_release", "sentry_environment", "user_agent")
#: Types of items that are files of an event beside them.
_FILES = frozenset({_ATTACHMENT, _RECORDING})
#: What a protocol becomes when the id is kept beside the item, since the item does not tell it.
_NAMED = {
    "sentry.event": "sentry.named_event",
    "sentry.feedback": "sentry.named_feedback",
    "sentry.transaction": "sentry.named_transaction",
}
#: Protocols of events whose id the SDK tells, and which may have attachments.
_IDENTIFIED = frozenset({*_NAMED, *_NAMED.values(), "sentry.minidump"})
_READERS: dict[str, Callable[[Item, Limits], Sequence[Entry | Malformed]]] = {
    "event": _event,
    "transaction": _transaction,
    "span": _span,
    "log": _log,
    "trace_metric": _metric,
    "session": _told,
    "sessions": _told,
    "check_in": _told,
    "client_report": _told,
    "feedback": _feedback,
    "user_report": _feedback,
    "replay_event": _replay,
    "replay_video": _replay_video,
    "profile": _profile,
    "profile_chunk": _profile,
    "raw_security": _security,
}
