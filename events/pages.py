"""The page of an address: what real-user monitoring and the crashes of one page have in common."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from events.text import clip

MAX_HOST_CHARS = 200
MAX_PATH_CHARS = 500

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_CREDENTIALS = re.compile(r"^[^@]*@")
#: What some applications route by, after the ``#``; any other fragment is a place on the page.
_ROUTES = ("#/", "#!")


class Page(NamedTuple):
    """``path`` is that of an address, or the name of a view that has none; ``host`` may have a
    port.
    """

    host: str | None
    path: str


@lru_cache(maxsize=4096)
def page_of(address: str) -> Page:
    """The page of an address, without query, credentials and fragment, unless it is a route."""
    match = _ADDRESS.fullmatch(address)
    host = _CREDENTIALS.sub("", match["host"]).lower() if match else ""
    path = _path(match["rest"] if match else address)
    return Page(clip(host, MAX_HOST_CHARS) or None, clip(path, MAX_PATH_CHARS))


def _path(rest: str) -> str:
    before, sharp, fragment = rest.partition("#")
    path = before.partition("?")[0] or "/"
    route = f"{sharp}{fragment.partition('?')[0]}"
    return f"{path}{route}" if route.startswith(_ROUTES) else path
