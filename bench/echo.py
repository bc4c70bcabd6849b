"""Baseline ``echo``: the least a WSGI application can do: read the body and answer 202."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("202 ACCEPTED", [("Content-Length", "0")])
    return [b""]
