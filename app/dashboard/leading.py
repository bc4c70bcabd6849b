"""Leading a browser to another page."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from werkzeug.urls import iri_to_uri


def lead_to(path: str, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> Response:
    """An answer that leads to ``path``: a path of ours, or a URL of the file server."""
    return Response(status=status, headers={"Location": iri_to_uri(path)})


def moved_to(path: str) -> Response:
    """An answer that says that a page has another address for good."""
    return lead_to(path, HTTPStatus.PERMANENT_REDIRECT)
