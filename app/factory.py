"""Builds the web application: the one place where its parts are joined."""

from __future__ import annotations

import os

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.api import routes
from app.cors import register_cors
from app.dashboard import blueprint as dashboard
from app.errors import register_errors
from app.ingest import flask_lane
from app.ingest.handler import IngestHandler
from app.ingest.opening import open_ingest
from app.stores import Stores, open_stores
from config.logs import configure_logs
from config.settings import Settings, load_settings

_MAX_FORM_BYTES = 64 * 1024


def create_app(settings: Settings, stores: Stores, ingest: IngestHandler | None = None) -> Flask:
    """The application over the given stores; it connects to nothing yet.

    ``ingest`` is the process's handler of events where another lane leads to it too.
    """
    app = Flask("app", static_folder=None)
    app.secret_key = settings.session_key.reveal() or os.urandom(32)
    app.config["SECRET_KEY_FALLBACKS"] = [key.reveal() for key in settings.session_key_fallbacks]
    # Bounds what Flask itself parses: pages' forms. Ingest reads the raw stream, with its limits.
    app.config["MAX_CONTENT_LENGTH"] = _MAX_FORM_BYTES
    app.url_map.strict_slashes = False
    # A redirect of `//entries` would lose the event: SDKs do not repeat a POST.
    app.url_map.merge_slashes = False
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    register_errors(app)
    register_cors(app)
    app.register_blueprint(flask_lane.create_blueprint(ingest or open_ingest(stores)))
    for blueprint in (routes, dashboard):
        app.register_blueprint(blueprint.create_blueprint(stores))
    return app


def create() -> Flask:
    """The application as the environment says: what each web process serves.

    Raises :class:`config.settings.SettingsError` when a setting cannot be used.
    """
    settings = load_settings(os.environ)
    configure_logs(settings.log_level, "web")
    stores = open_stores(settings)
    stores.outbox.start()
    return create_app(settings, stores)
