"""Counting requests to the object store: by what they cost as, and whose objects they are of."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Operation: TypeAlias = Literal["put", "get", "delete"]

_PACK = re.compile(r"packs/[0-9a-f]{2}/([a-z][a-z0-9_]{0,31})/")
_CHEAP = ("Get", "Head")
_FREE = ("Delete", "Abort")


class Count(NamedTuple):
    """Requests that were answered, and the bytes of objects in them."""

    requests: int
    bytes: int


Counts: TypeAlias = Mapping[tuple[str, Operation], Count]
"""By type and operation; a type is an event type, ``blob``, or ``other``."""


class Meter:
    """Counts of one process since they were last taken; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, Operation], Count] = {}

    def count(self, kind: str, operation: Operation, requests: int, size: int) -> None:
        """Add requests."""
        with self._lock:
            before = self._counts.get((kind, operation), Count(0, 0))
            after = Count(before.requests + requests, before.bytes + size)
            self._counts[kind, operation] = after

    def take(self) -> Counts:
        """Everything counted since the last time; whoever takes it keeps it."""
        with self._lock:
            taken, self._counts = self._counts, {}
        return taken

    def give_back(self, counts: Counts) -> None:
        """Count again what could not be kept."""
        for (kind, operation), count in counts.items():
            self.count(kind, operation, count.requests, count.bytes)


#: The counts of this process, whichever clients of the object store it opens.
METER = Meter()


def watch(client: S3Client, meter: Meter) -> None:
    """Count every call of a client that is answered."""

    def note(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        body = params.get("Body")
        context["sluice_key"] = str(params.get("Key") or params.get("Prefix") or "")
        context["sluice_sent"] = len(body) if isinstance(body, bytes | bytearray) else 0

    def count(parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        operation = operation_of(model.name)
        received = int(parsed.get("ContentLength", 0)) if operation == "get" else 0
        kind = type_of(context.get("sluice_key", ""))
        meter.count(kind, operation, 1, received + context.get("sluice_sent", 0))

    # The first of a call's events: later ones have its body as a file.
    client.meta.events.register("provide-client-params.s3", note)
    client.meta.events.register("after-call.s3", count)


def type_of(key: str) -> str:
    """The event type of a pack's key, ``blob`` of a blob's, ``other`` of any other."""
    if found := _PACK.match(key):
        return found[1]
    return "blob" if key.startswith("blobs/") else "other"


def operation_of(call: str) -> Operation:
    """What a call costs as: price lists have lists and the steps of an upload with the writes."""
    if call.startswith(_FREE):
        return "delete"
    return "get" if call.startswith(_CHEAP) else "put"
