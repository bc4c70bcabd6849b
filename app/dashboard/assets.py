"""The stylesheet, the script and the icon: read once, compressed once, kept by browsers for good.

Each is served under a folder named by its hash. While two versions of this program answer side by
side a page may ask for the other one's: it is given ours, and told not to keep it.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import brotli  # type: ignore[import-untyped]
from flask import Response
from werkzeug.datastructures import Accept

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_HASH_CHARS = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file in each of the codings that it is served in."""

    digest: str
    content_type: str
    codings: dict[str, bytes]

    def answer(self, digest: str, accepted: Accept) -> Response:
        """The file in the smallest coding that the browser takes."""
        coding = next((name for name in ("br", "gzip") if accepted[name] > 0), "identity")
        response = Response(self.codings[coding], content_type=self.content_type)
        if coding != "identity":
            response.headers["Content-Encoding"] = coding
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = _FOR_GOOD if digest == self.digest else "no-cache"
        return response


class Assets:
    """The static files by name."""

    def __init__(self, folder: Path = FOLDER) -> None:
        files = (path for path in sorted(folder.iterdir()) if path.suffix in _TYPES)
        self._assets = {path.name: _asset(path) for path in files}

    def find(self, name: str) -> Asset | None:
        """The file of a name."""
        return self._assets.get(name)

    def path(self, name: str) -> str:
        """The path that templates write."""
        return f"/assets/{self._assets[name].digest}/{name}"


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    codings = {
        "identity": content,
        "gzip": gzip.compress(content, 9, mtime=0),
        "br": brotli.compress(content),
    }
    digest = hashlib.sha256(content).hexdigest()[:_HASH_CHARS]
    return Asset(digest, _TYPES[path.suffix], codings)
