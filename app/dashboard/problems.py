"""What goes wrong on a page, told as a page within the navigation; to programs as they read it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, NotFound

from app.dashboard.guards import Guards, end, protect
from app.dashboard.links import TWINS
from app.dashboard.session import wants_text
from app.errors import ApiError, error_answer, not_found, of_bug, of_http
from app.outage import store_down
from storage.errors import StoreDown

TellAsPage = Callable[[ApiError], Response]


def register_problems(blueprint: Blueprint, as_page: TellAsPage, guards: Guards) -> None:
    """Tell every error of the blueprint, and 404 of the whole application to who reads pages."""

    def told(error: ApiError) -> Response:
        if not wants_text(request):
            return as_page(error)
        twin = request.path.rpartition(".")[2]
        if twin in TWINS and twin != "json":
            text = f"{error.code}: {error.message}\n"
            headers = {**error.headers, "Content-Type": "text/plain; charset=utf-8"}
            return Response(text, error.status, headers)
        return error_answer(error)

    @blueprint.errorhandler(ApiError)
    def known(error: ApiError) -> Response:
        return told(error)

    @blueprint.errorhandler(StoreDown)
    def away(error: StoreDown) -> Response:
        return told(store_down(error))

    @blueprint.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        return told(of_http(error))

    @blueprint.errorhandler(Exception)
    def bug(error: Exception) -> Response:
        return told(of_bug(error))

    @blueprint.app_errorhandler(404)
    def nowhere(error: NotFound) -> Response:
        if request.method != "GET" or wants_text(request) or not _asks_for_page():
            return error_answer(of_http(error))
        try:
            guards.begin()
            return protect(as_page(not_found("page")))
        finally:
            end()


def _asks_for_page() -> bool:
    """Whether a browser asks: only those name HTML."""
    return "text/html" in [kind for kind, _ in request.accept_mimetypes]
