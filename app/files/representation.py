"""Which part of what is stored answers a request: conditional requests, ranges, encodings.

RFC 9110 as far as a file server needs it: one range of bytes, strong entity tags. What a header
says that cannot be understood is left out of account, as the RFC asks; what it rightly refuses is
answered 304, 412 or 416.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from flask import Request, Response

from app.errors import ApiError

Encoding: TypeAlias = Literal["zstd", "gzip"]

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")

#: The bytes come from applications of others: no browser may show, run or guess at them.
SAFE_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Selection(NamedTuple):
    """What to answer: 200, 206 or 304, and which bytes; none for the last."""

    status: int
    start: int
    length: int
    whole: int

    @property
    def has_content(self) -> bool:
        """Whether any bytes are to be sent."""
        return self.status in (200, 206)


def select(request: Request, etag: str, whole: int) -> Selection:
    """The part of ``whole`` bytes under a strong ``etag`` (without quotes) that is asked for.

    Raises ``ApiError``: 412 ``precondition_failed`` for bytes other than the client insists on, 416
    ``range_not_satisfiable``.
    """
    insisted = request.if_match
    if "If-Match" in request.headers and not (insisted.contains(etag) or insisted.star_tag):
        raise ApiError(412, "precondition_failed", "These are not the bytes of that entity tag.")
    if request.if_none_match.contains_weak(etag) or request.if_none_match.star_tag:
        return Selection(304, 0, 0, whole)
    asked = request.headers.get("Range", "")
    if not asked or not _may_range(request, etag):
        return Selection(200, 0, whole, whole)
    found = _RANGE.fullmatch(asked)
    if found is None or found.groups() == ("", ""):
        return Selection(200, 0, whole, whole)
    return _window(found[1], found[2], whole)


def _may_range(request: Request, etag: str) -> bool:
    """Whether the client's parts, if it has any, are of the same bytes."""
    condition = request.headers.get("If-Range")
    return condition is None or condition.strip() == f'"{etag}"'


def _window(first: str, last: str, whole: int) -> Selection:
    if first == "":
        start, end = max(0, whole - int(last)), whole
    else:
        start, end = int(first), min(whole, int(last) + 1 if last else whole)
        if last and int(last) < start:
            return Selection(200, 0, whole, whole)  # no valid range: as if it was not sent
    if start >= end:
        raise ApiError(
            416,
            "range_not_satisfiable",
            f"There are {whole} bytes.",
            {"Content-Range": f"bytes */{whole}"},
        )
    return Selection(206, start, end - start, whole)


def choose_encoding(request: Request, offered: Sequence[Encoding]) -> Encoding | None:
    """The encoding the client likes best, of those offered; null to send the bytes as they are.

    Never for a request of a range: its bytes are counted in what is stored.
    """
    if "Range" in request.headers:
        return None
    liked = dict(request.accept_encodings)
    best = max(offered, key=lambda name: liked.get(name, 0), default=None)
    if best is None or not liked.get(best, 0) or liked.get("identity", 0) > liked[best]:
        return None
    return best


def describe(response: Response, selection: Selection, etag: str) -> Response:
    """Say in the answer's headers which part it is of what, and that nobody may run it."""
    headers = response.headers
    headers["ETag"] = f'"{etag}"'
    headers["Accept-Ranges"] = "bytes"
    # Kept by the client alone, and asked for anew each time: what is erased is then 404.
    headers["Cache-Control"] = "private, no-cache"
    for name, value in SAFE_HEADERS.items():
        headers[name] = value
    if selection.status == 206:
        last = selection.start + selection.length - 1
        headers["Content-Range"] = f"bytes {selection.start}-{last}/{selection.whole}"
    return response
