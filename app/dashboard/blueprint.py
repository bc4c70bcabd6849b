"""The blueprint of the dashboard: every row's routes, with the guards of pages around them."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from flask import Blueprint, Flask, Response, request
from flask.blueprints import BlueprintSetupState
from flask_compress import Compress

from app.api.routes import open_desk
from app.dashboard import links
from app.dashboard.answering import Answering
from app.dashboard.assets import Assets
from app.dashboard.filters import register_filters
from app.dashboard.guards import Guards
from app.dashboard.problems import register_problems
from app.dashboard.rows import ACTIONS, PAGES, ROWS, TALLIES
from app.dashboard.session import SessionCookies, cookie_config
from app.dashboard.shell import ShellMaker
from app.dashboard.strip import Strip
from app.errors import error_answer, not_found
from app.stores import Stores
from storage.search.store import SearchStore

SEARCH_SECONDS = 2.0
"""How long a page waits for Elasticsearch; then it is shown without that part."""

_COMPRESSION = {"COMPRESS_REGISTER": False, "COMPRESS_ALGORITHM": ["br", "gzip"]}


def create_blueprint(stores: Stores) -> Blueprint:
    """The dashboard over the stores; it connects to nothing yet."""
    search = SearchStore(stores.settings, SEARCH_SECONDS)
    desk = open_desk(replace(stores, search=search))
    answering = Answering(desk, ShellMaker(PAGES, Strip(desk.stores, TALLIES, desk.memory)))
    blueprint = Blueprint("pages", __name__, template_folder="templates")
    compress, assets = Compress(), Assets()
    # What is run after a request is run in reverse: this last, on the answer as it leaves.
    blueprint.after_request(compress.after_request)
    guards = Guards(desk, (row for row in ROWS if row.needs == "nothing"))
    guards.register(blueprint)
    _add_routes(blueprint, answering)
    _add_assets(blueprint, assets)
    register_problems(blueprint, answering.problem, guards)

    @blueprint.record_once
    def configure(state: BlueprintSetupState) -> None:
        app = cast(Flask, state.app)
        app.config.update({**cookie_config(stores.settings), **_COMPRESSION})
        app.session_interface = SessionCookies()
        compress.init_app(app)
        register_filters(app, assets)

    return blueprint


def _add_routes(blueprint: Blueprint, answering: Answering) -> None:
    for page in PAGES:
        route = answering.page(page)
        blueprint.add_url_rule(page.rule, page.name, route, methods=["GET"])
        if page.twins:
            rule = links.twin(page.rule, f"<any({','.join(links.TWINS)}):twin>")
            blueprint.add_url_rule(rule, f"{page.name}_twin", route, methods=["GET"])
    for action in ACTIONS:
        blueprint.add_url_rule(action.rule, action.name, answering.action(action), methods=["POST"])


def _add_assets(blueprint: Blueprint, assets: Assets) -> None:
    @blueprint.get("/assets/<digest>/<name>")
    def asset(digest: str, name: str) -> Response:
        found = assets.find(name)
        if found is None:
            return error_answer(not_found("file"))
        return found.answer(digest, request.accept_encodings)
