"""Every template can be read, and every row of the dashboard has what it names."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from typing import get_type_hints

import pytest
from flask import Flask, Response

from app.dashboard.blueprint import create_blueprint
from app.dashboard.page import Page
from app.dashboard.rows import ACTIONS, PAGES, ROWS
from app.stores import open_stores
from config.settings import load_settings


@pytest.fixture
def app(tmp_path: object) -> Flask:
    nowhere = {"SLUICE_HOME": str(tmp_path), "SLUICE_REDIS_URL": "redis://127.0.0.1:9"}
    nowhere |= {"SLUICE_S3_ENDPOINT": "http://127.0.0.1:9"}
    stores = open_stores(load_settings(nowhere))
    app = Flask("app", static_folder=None)
    app.register_blueprint(create_blueprint(stores))
    return app


def test_every_template_can_be_read(app: Flask) -> None:
    names = app.jinja_env.list_templates()
    assert "base.html" in names
    for name in names:
        app.jinja_env.get_template(name)


def test_names_and_rules_are_told_apart() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    for rows in (PAGES, ACTIONS):
        rules = [re.sub("<[^>]+>", "<>", row.rule) for row in rows]
        assert len(set(rules)) == len(rules)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_what_it_names(app: Flask, page: Page) -> None:
    made = get_type_hints(page.view)["return"]
    kinds = [kind for kind in getattr(made, "__args__", (made,)) if kind is not Response]
    for kind in kinds:
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert page.table is None or page.table in kind.__dataclass_fields__
    assert not kinds or page.template in app.jinja_env.list_templates()
