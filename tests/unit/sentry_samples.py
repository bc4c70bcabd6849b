"""Recorded Sentry requests, their items, and what becomes of them."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from events import crash
from events.envelope import Envelope
from events.ids import new_id
from events.limits import Limits
from events.record import Record
from events.sentry.attachments import PROTOCOL, open_files
from events.sentry.items import Contents, Entry, event_entry, sort_out
from events.sentry.legacy import open_store_body
from events.sentry.wire import open_parcel
from tests.corpus import CORPUS

LIMITS = Limits(max_event_bytes=1 << 20, max_depth=500)
AT_MS = 1_795_414_000_000
_DECODERS = {"gzip": gzip.decompress, "deflate": zlib.decompress}


class Sample(NamedTuple):
    """A recorded request; ``name`` is its file without the extension."""

    name: str
    kind: str
    items: list[str]
    body: bytes


@cache
def recorded() -> tuple[Sample, ...]:
    """The Sentry requests of the corpus, content decoded."""
    files = sorted(CORPUS.glob("sentry-*/*.json"))
    assert files, f"the corpus of recorded requests is not at {CORPUS}"
    return tuple(_sample(file) for file in files)


def _sample(file: Path) -> Sample:
    request = json.loads(file.read_text())
    body = base64.b64decode(request["body_base64"])
    decode = _DECODERS.get(request["content_encoding"])
    return Sample(
        f"{file.parent.name.removeprefix('sentry-')}/{file.stem}",
        request["kind"],
        request["items"],
        decode(body) if decode else body,
    )


def contents_of(sample: Sample) -> Contents:
    """What the web tier makes of a recorded request."""
    if sample.kind == "envelope":
        return sort_out(open_parcel(sample.body), LIMITS)
    return Contents([event_entry(open_store_body(sample.body, 1 << 20), LIMITS)])


def entries(event_type: str) -> Iterator[tuple[str, Entry]]:
    """Every event of a type in the corpus, by its request's name; files are put apart."""
    for sample in recorded():
        for entry in contents_of(sample).entries:
            if entry.event_type == event_type:
                yield sample.name, alone(entry)


def alone(entry: Entry) -> Entry:
    """An event as it is stored: without its files."""
    if entry.protocol != PROTOCOL:
        return entry
    opened = open_files(entry.body)
    return Entry(entry.event_type, opened.protocol, opened.body, entry.sdk_id)


def envelope_of(entry: Entry) -> Envelope:
    return Envelope(new_id(AT_MS), 1, entry.event_type, entry.protocol, entry.body)


def event(**fields: Any) -> Envelope:
    """An event with these fields."""
    return envelope_of(Entry("crash", "sentry.event", json.dumps(fields).encode()))


def record(**fields: Any) -> Record:
    return crash.normalise(event(**fields))


def picture(**fields: Any) -> dict[str, Any]:
    return crash.picture(event(**fields))


def parcel(*items: tuple[dict[str, Any], bytes], header: dict[str, Any] | None = None) -> bytes:
    """An envelope of items, each with its header; ``length`` is not added."""
    lines = [json.dumps(header or {}).encode()]
    for of_item, payload in items:
        lines += [json.dumps(of_item).encode(), payload]
    return b"\n".join(lines)
