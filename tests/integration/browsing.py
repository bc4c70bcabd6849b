"""Somebody who is signed in and reads pages, sends their forms, and follows where these lead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.factory import create_app
from app.stores import Stores
from tests.integration.api_world import TOKEN

_READS_PAGES = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass
class Browser:
    """One person's browser."""

    client: FlaskClient

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, headers=_READS_PAGES)

    def page(self, path: str) -> str:
        """The HTML of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.text

    def view(self, path: str) -> Any:
        """A page's view, from its JSON twin."""
        address, _, query = path.partition("?")
        answer = self.get(f"{address}.json?{query}")
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.get_json()

    def send(self, path: str, on: str = "/help", **fields: Any) -> TestResponse:
        """Send a form, with the token that a page's forms carry."""
        token = re.findall('name="csrf" value="([^"]+)"', self.get(on).text)[0]
        data = {"csrf": token, **fields}
        return self.client.post(path, data=data, headers=_READS_PAGES)

    def follow(self, answer: TestResponse) -> str:
        """The page that a form led to."""
        assert answer.status_code == 303, (answer.status_code, answer.text)
        return self.page(answer.location)


def signed_in(stores: Stores, token: str = TOKEN) -> Browser:
    """A browser of somebody with a token."""
    browser = Browser(create_app(stores.settings, stores).test_client())
    answer = browser.send("/login", "/login", token=token)
    assert answer.status_code == 303, answer.text
    return browser
