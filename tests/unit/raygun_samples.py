"""Reports for tests: those real SDKs sent (the corpus), and ones built field by field."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from events import crash, rum
from events.envelope import Envelope
from events.ids import new_id
from events.limits import Limits
from events.raygun.split import split_bulk, split_entry, split_rum
from events.record import Record
from tests.corpus import CORPUS

LIMITS = Limits(max_event_bytes=1 << 20, max_depth=500)
AT_MS = 1_795_414_000_000
_SPLITTERS = {"entry": split_entry, "bulk": split_bulk, "rum": split_rum}


class Sample(NamedTuple):
    """A recorded request; ``name`` is its file without the extension."""

    family: str
    name: str
    scenario: str
    kind: str
    body: bytes


@cache
def recorded(*kinds: str) -> tuple[Sample, ...]:
    """The Raygun requests of the corpus of the given kinds."""
    files = sorted(CORPUS.glob("raygun*/*.json"))
    assert files, f"the corpus of recorded requests is not at {CORPUS}"
    samples = (_sample(file) for file in files)
    return tuple(sample for sample in samples if sample.kind in kinds)


def _sample(file: Path) -> Sample:
    request = json.loads(file.read_text())
    return Sample(
        request["family"],
        f"{file.parent.name}/{file.stem}",
        request["scenario"],
        request["kind"],
        base64.b64decode(request["body_base64"]),
    )


def events_of(sample: Sample) -> list[bytes]:
    """The events of a request, every one valid."""
    items = _SPLITTERS[sample.kind](sample.body, LIMITS)
    assert all(isinstance(item, bytes) for item in items)
    return [item for item in items if isinstance(item, bytes)]


def bodies(name: str) -> list[bytes]:
    """The events of the recorded request whose name ends so, such as ``raygun4py/17-repeated``."""
    found = [s for s in recorded("entry", "bulk", "rum") if s.name.startswith(name)]
    assert found, f"no request {name}"
    return [event for sample in found for event in events_of(sample)]


def crash_envelope(body: bytes) -> Envelope:
    return Envelope(new_id(AT_MS), 7, "crash", "raygun.entry", body)


def crash_record(body: bytes) -> Record:
    return crash.normalise(crash_envelope(body))


def crash_picture(body: bytes) -> dict[str, Any]:
    return crash.picture(crash_envelope(body))


def rum_envelope(body: bytes) -> Envelope:
    return Envelope(new_id(AT_MS), 7, "rum", "raygun.rum", body)


def rum_record(body: bytes) -> Record:
    return rum.normalise(rum_envelope(body))


def rum_picture(body: bytes) -> dict[str, Any]:
    return rum.picture(rum_envelope(body))


def report(client: str = "raygun4py", **details: Any) -> bytes:
    """A crash report with the given details."""
    whole = {"client": {"name": client, "version": "1.0"}, **details}
    return json.dumps({"occurredOn": "2026-11-23T06:00:00Z", "details": whole}).encode()


def frame(method: str, file: str = "/srv/app/shop/cart.js", line: int = 1, **more: Any) -> Any:
    return {"methodName": method, "fileName": file, "lineNumber": line, **more}


def assert_strict(*values: Any) -> None:
    """The values are fit for any store: strict JSON, with neither NUL nor lone surrogates."""
    text = orjson.dumps(values)
    assert re.search(rb"(?<!\\)(?:\\\\)*\\u0000", text) is None


def fingerprint(body: bytes) -> str:
    group = crash_record(body).group
    assert group is not None
    return group.fingerprint
