"""What a sender says that its file is: bounded, and without anything that could end a header."""

from __future__ import annotations

import re
from typing import Any

UNKNOWN = "application/octet-stream"

_FORM = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z/;= -]{1,200}")


def content_type_of(said: Any) -> str:
    """The content type that was said; of what is none, that nothing is known (RFC 9110, 8.3)."""
    return said if isinstance(said, str) and _FORM.fullmatch(said) else UNKNOWN
