"""The address that Sentry's SDKs are set up with: ``scheme://KEY@host[:port][/prefix]/PROJECT``."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# What the JavaScript SDK takes for a key: it refuses a hyphen.
_KEY = re.compile(r"\w+", re.ASCII)


def fits_dsn(key: str) -> bool:
    """Whether every SDK takes this as the key of a DSN."""
    return _KEY.fullmatch(key) is not None


def dsn(base_url: str, public_key: str, project_id: int) -> str:
    """The DSN of a project, for SDKs that reach the web tier at ``base_url``."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{public_key}@{parts.netloc}{parts.path.rstrip('/')}/{project_id}"
