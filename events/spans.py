"""What kind of work a span is, and under which name it is counted. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from events.telemetry import Span
from events.text import clip

#: Categories that pages show by their own name; all others are what the SDK calls them.
SERVER, CLIENT, DATABASE, CACHE, QUEUE, RPC = (
    "http.server",
    "http.client",
    "db",
    "cache",
    "queue",
    "rpc",
)

_OPS = (
    ("http.server", SERVER),
    ("http.client", CLIENT),
    ("http", CLIENT),
    ("db", DATABASE),
    ("cache", CACHE),
    ("queue", QUEUE),
    ("messaging", QUEUE),
    ("message", QUEUE),
    ("rpc", RPC),
    ("grpc", RPC),
)
#: Attributes by which OpenTelemetry's conventions, present and former, tell the kind of work.
_TELLING = (
    ("db.system.name", DATABASE),
    ("db.system", DATABASE),
    ("db.statement", DATABASE),
    ("messaging.system", QUEUE),
    ("rpc.system", RPC),
)
_HTTP = ("http.request.method", "http.method", "http.url", "url.full")
_NAME = 200
_OP = 60
#: What differs from call to call in a name that was meant to say what is done.
_VALUES = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b|(?<![\w.])\d+(?![\w.])|'[^']{0,200}'|\?\S*$",
    re.IGNORECASE,
)


def category_of(span: Span) -> str:
    """The kind of work of a span."""
    if span.op:
        return _category_of_op(span.op)
    attributes = span.attributes
    for name, category in _TELLING:
        if name in attributes:
            return category
    if any(name in attributes for name in _HTTP):
        return SERVER if span.kind == "server" else CLIENT
    if span.kind in ("producer", "consumer"):
        return QUEUE
    return span.kind or "internal"


@lru_cache(maxsize=1024)
def _category_of_op(op: str) -> str:
    for beginning, category in _OPS:
        if op == beginning or op.startswith((f"{beginning}.", f"{beginning}:")):
            return category
    return clip(op.partition(".")[0], _OP)


@lru_cache(maxsize=4096)
def operation_of(name: str) -> str:
    """The name under which a span is counted: its own, with ``#`` for what looks like a value."""
    return clip(_VALUES.sub("#", name[: 4 * _NAME]).strip() or "(unnamed)", _NAME)
