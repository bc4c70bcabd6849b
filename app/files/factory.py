"""Builds the file server: the one place where its parts are joined."""

from __future__ import annotations

import atexit
import os

from flask import Flask, Response

from app.errors import JSON, register_errors
from app.files import blobs, events, health, metrics
from app.files.desk import FilesDesk, open_desk
from app.files.sweeping import start_sweeping
from app.outage import store_down
from config.logs import configure_logs
from config.settings import load_settings
from storage.errors import StoreDown
from storage.metering import start_metering


def create_app(desk: FilesDesk) -> Flask:
    """The application over the given stores; it connects to nothing yet."""
    app = Flask("app.files", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    register_errors(app)

    @app.errorhandler(StoreDown)
    def away(error: StoreDown) -> Response:
        told = store_down(error)
        return Response(told.body(), told.status, told.headers, content_type=JSON)

    for blueprint in (events, blobs, health, metrics):
        app.register_blueprint(blueprint.create_blueprint(desk))
    return app


def create() -> Flask:
    """The application as the environment says: what the service's process serves.

    Raises :class:`config.settings.SettingsError` when a setting cannot be used.
    """
    settings = load_settings(os.environ)
    configure_logs(settings.log_level, "files")
    desk = open_desk(settings)
    atexit.register(start_metering(settings).stop)
    start_sweeping(desk.cache, settings.files_cache_seconds)
    return create_app(desk)
