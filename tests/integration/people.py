"""Users of a world, and browsers in which they sign in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.passwords import Passwords
from app.factory import create_app
from storage.rights import InstallationRole, ProjectRole
from storage.sql.users import User
from tests.integration.api_world import World

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PASSWORD = "correct horse battery staple"
#: Cheap ones: a test's password need not be hard to guess.
PASSWORDS = Passwords(passes=1, kibibytes=8)


def add_user(
    world: World,
    email: str,
    role: InstallationRole | None = None,
    projects: Mapping[str, ProjectRole] | None = None,
) -> User:
    """A user who has the password, and roles in projects by name."""
    accounts = world.stores.accounts
    user, secret = accounts.links.invite(email, email.partition("@")[0].title(), "test", role)
    accounts.links.use(secret, PASSWORDS.hash(PASSWORD), user.name)
    for name, project_role in (projects or {}).items():
        project = world.stores.projects.by_name(name)
        assert project is not None
        accounts.memberships.set(project, user.id, project_role, "test")
    found = accounts.users.find(user.id)
    assert found is not None
    return found


def new_browser(world: World) -> FlaskClient:
    """A browser without cookies, at a process that remembers nobody."""
    return create_app(world.stores.settings, world.stores).test_client()


def form_token(browser: FlaskClient, path: str = "/login") -> str:
    """What a form of a page carries."""
    page = browser.get(path, headers=BROWSER)
    return re.findall('name="csrf" value="([^"]+)"', page.text)[0]


def post(browser: FlaskClient, path: str, page: str = "/login", **fields: str) -> TestResponse:
    """Send a form that stands on ``page``."""
    data = {"csrf": form_token(browser, page), **fields}
    return browser.post(path, data=data, headers=BROWSER)


def sign_in(browser: FlaskClient, email: str, password: str = PASSWORD) -> TestResponse:
    """Sign in through the form, as a person does."""
    return post(browser, "/login", email=email, password=password)


def signed_in(world: World, email: str) -> FlaskClient:
    """A browser in which a user is signed in."""
    browser = new_browser(world)
    assert sign_in(browser, email).status_code == 303
    return browser
