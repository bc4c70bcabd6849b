"""Where others find the web tier."""

from __future__ import annotations

from flask import request

from config.settings import Settings


def public_url(settings: Settings) -> str:
    """``https://host[:port][/prefix]`` without a slash at its end: as the settings say, or else as
    who asks found it.
    """
    return (settings.web_public_url or request.host_url).rstrip("/")
