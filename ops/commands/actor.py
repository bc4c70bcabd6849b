"""Who acts, for the audit: the user of the operating system."""

from __future__ import annotations

import os
import pwd


def actor() -> str:
    """``cli:`` and the user's name, or number where it has no name, as in a container."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"
