"""Which dead letters have one cause: a short key of where and how an event failed. Pure."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

_MAX_FRAMES = 20
_MAX_REASON_CHARS = 1_000
_KEY_CHARS = 16

_FRAME = re.compile(r'File "([^"\n]{1,500})", line \d+, in ([^\n]{1,200})')

#: What differs between two failures of one cause, longest forms first.
_VARYING = (
    (re.compile(r"'[^'\n]{0,500}'|\"[^\"\n]{0,500}\"|`[^`\n]{0,500}`"), "…"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "#"),
    (re.compile(r"\b(?:0x[0-9a-fA-F]+|(?=[a-fA-F]*\d)[0-9a-fA-F]{12,})\b"), "#"),
    (re.compile(r"[+-]?\d+(?:\.\d+)?"), "#"),
    (re.compile(r"\s+"), " "),
)


def cluster_of(stage: str, code: str, reason: str, traceback: str) -> str:
    """The key of a letter's cluster: the same for the same stage, code, frames and kind of reason.

    Line numbers, paths, ids, numbers and quoted values do not count: they differ between events
    and releases of which the cause is one.
    """
    parts = (stage, code, *frames_of(traceback), normalised(reason))
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace"))
    return digest.hexdigest()[:_KEY_CHARS]


def frames_of(traceback: str) -> list[str]:
    """The innermost frames of a traceback as ``file:function``."""
    found = _FRAME.findall(traceback)[-_MAX_FRAMES:]
    return [f"{PurePosixPath(path).name}:{function}" for path, function in found]


def normalised(reason: str) -> str:
    """A reason without what varies from event to event."""
    text = reason[:_MAX_REASON_CHARS]
    for pattern, sign in _VARYING:
        text = pattern.sub(sign, text)
    return text.strip()
