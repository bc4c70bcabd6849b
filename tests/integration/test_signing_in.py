"""Signing in: the first administrator, passwords, sessions, and those who guess."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from app.accounts.signing_in import MOST_OF_ACCOUNT, MOST_OF_ADDRESS, SigningIn
from app.errors import ApiError
from app.factory import create_app
from events.ids import now_ms
from storage.sql.page_sessions import PageSessions
from storage.sql.password_links import PasswordLinks
from storage.sql.sign_in_tries import WINDOW, SignInTries
from tests.contract.sql_samples import at_once
from tests.integration.api_world import TOKEN, World
from tests.integration.people import (
    BROWSER,
    PASSWORD,
    PASSWORDS,
    add_user,
    form_token,
    new_browser,
    post,
    sign_in,
    signed_in,
)


def email_of(name: str = "ann") -> str:
    return f"{name}-{uuid4().hex[:12]}@example.com"


def cookie(browser: FlaskClient) -> str:
    found = browser.get_cookie("sluice_session")
    assert found is not None
    return found.value


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/", headers=BROWSER).status_code == 200


def test_the_first_run(world: World) -> None:
    secret = world.stores.accounts.links.for_first_administrator("up")
    assert secret is not None
    browser, path = new_browser(world), f"/join/{secret}"
    assert "Nobody has an account yet" in browser.get("/login", headers=BROWSER).text
    for _ in range(2):  # looking does not use it up
        assert "Welcome to Sluice" in browser.get(path, headers=BROWSER).text
    mine = {"email": "Root@Example.com", "name": "Root"}
    for weak in ("horse-7", "aaaaaaaaaaaaaaaa", "Root@example.com"):
        refused = post(browser, path, path, **mine, password=weak)
        assert (refused.status_code, "password: " in refused.text) == (400, True)
        assert 'value="Root@Example.com"' in refused.text
        assert weak not in refused.text
    made = post(browser, path, path, **mine, password=PASSWORD)
    assert (made.status_code, made.location) == (303, "/")
    assert is_in(browser)
    assert "Users" in browser.get("/settings", headers=BROWSER).text
    again = browser.get(path, headers=BROWSER)
    assert (again.status_code, "There is no such link" in again.text) == (404, True)
    assert world.stores.accounts.links.for_first_administrator("up") is None
    assert "Nobody has an account" not in new_browser(world).get("/login", headers=BROWSER).text


def test_a_user_signs_in_and_out(world: World) -> None:
    user = add_user(world, email_of())
    browser = new_browser(world)
    answer = post(
        browser,
        "/login",
        "/login?next=/find?q=x",
        email=user.email.upper(),
        password=PASSWORD,
        next="/find?q=x",
    )
    assert (answer.status_code, answer.location) == (303, "/find?q=x")
    told = answer.headers["Set-Cookie"]
    assert all(part in told for part in ("HttpOnly", "SameSite=Lax", "Expires="))
    assert "Secure" not in told
    kept = cookie(browser)
    assert user.email in browser.get("/account", headers=BROWSER).text
    assert post(browser, "/logout", "/account").status_code == 303
    assert not is_in(browser)
    # A copy of the cookie opens nothing either, in this process or another.
    for thief in (browser, new_browser(world)):
        thief.set_cookie("sluice_session", kept)
        assert not is_in(thief)


@pytest.mark.parametrize("wrong", ["not the password", "", PASSWORD.upper()])
def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(world: World, wrong: str) -> None:
    user = add_user(world, email_of())
    gone = add_user(world, email_of("gone"))
    world.stores.accounts.users.set_disabled(gone.id, disabled=True, actor="test")
    invited, _ = world.stores.accounts.links.invite(email_of("new"), "New", "test")
    answers = []
    for email in (user.email, gone.email, invited.email, email_of("nobody")):
        browser = new_browser(world)
        answer = sign_in(browser, email, wrong)
        assert answer.status_code == 401
        assert not is_in(browser)
        answers.append(re.search(r'role="alert">.*?</p>', answer.text, re.DOTALL))
    assert len({found[0] for found in answers if found}) == 1
    assert sign_in(new_browser(world), gone.email, PASSWORD).status_code == 401


def test_a_session_that_was_there_before_is_not_the_one_after(world: World) -> None:
    """Session fixation: who planted a cookie knows nothing of the session that begins in it."""
    user = add_user(world, email_of())
    attacker = new_browser(world)
    token = form_token(attacker)
    planted = cookie(attacker)
    victim = new_browser(world)
    victim.set_cookie("sluice_session", planted)
    assert sign_in(victim, user.email).status_code == 303
    assert cookie(victim) != planted
    assert not is_in(attacker)
    # Neither the cookie nor the form's token of before are good in the new session.
    forged = victim.post("/account/name", data={"csrf": token, "name": "X"}, headers=BROWSER)
    assert (forged.status_code, "form_expired" in forged.text) == (403, True)
    # Nor does signing in again go on with the session that there was.
    first = cookie(victim)
    assert sign_in(victim, user.email).status_code == 303
    assert cookie(victim) != first
    # A planted session of the attacker's own account is left, not entered.
    mallory = signed_in(world, add_user(world, email_of("mallory")).email)
    victim = new_browser(world)
    victim.set_cookie("sluice_session", cookie(mallory))
    assert sign_in(victim, user.email).status_code == 303
    assert user.email not in mallory.get("/account", headers=BROWSER).text


def test_cookies_are_for_https_alone_where_it_is_used(world: World) -> None:
    user = add_user(world, email_of())
    browser = new_browser(world)
    page = browser.get("/login", headers=BROWSER, base_url="https://sluice.example")
    assert "Secure" in page.headers["Set-Cookie"]
    settings = replace(world.stores.settings, web_public_url="https://sluice.example")
    behind = create_app(settings, replace(world.stores, settings=settings)).test_client()
    assert "Secure" in behind.get("/login", headers=BROWSER).headers["Set-Cookie"]
    proxied = create_app(replace(world.stores.settings, trusted_proxies=1), world.stores)
    headers = {**BROWSER, "X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6, 192.0.2.1"}
    page = proxied.test_client().get("/login", headers=headers)
    assert "Secure" in page.headers["Set-Cookie"]
    assert "Secure" not in new_browser(world).get("/login", headers=headers).headers["Set-Cookie"]
    assert user


def test_the_audit_tells_who_from_where(world: World) -> None:
    user = add_user(world, email_of())
    app = create_app(replace(world.stores.settings, trusted_proxies=1), world.stores)
    browser = app.test_client()
    headers = {**BROWSER, "X-Forwarded-For": "6.6.6.6, 192.0.2.77"}
    data = {"csrf": form_token(browser), "email": user.email, "password": PASSWORD}
    assert browser.post("/login", data=data, headers=headers).status_code == 303
    data = {"csrf": form_token(browser, "/account"), "name": "Anna"}
    assert browser.post("/account/name", data=data, headers=headers).status_code == 303
    entry = world.stores.workbench.audit.list(subject=user.email).items[0]
    assert (entry.actor, entry.action, entry.address) == (user.email, "rename_user", "192.0.2.77")


def test_sessions_are_listed_and_ended(world: World) -> None:
    user = add_user(world, email_of())
    mine, other = (signed_in(world, user.email) for _ in range(2))
    stranger = signed_in(world, add_user(world, email_of("eve")).email)
    numbers = re.findall(
        'name="session" value="(\\d+)"', mine.get("/account", headers=BROWSER).text
    )
    assert len(numbers) == 1
    answer = post(stranger, "/account/sessions", "/account", session=numbers[0])
    assert answer.status_code == 303
    assert is_in(other)
    assert post(mine, "/account/sessions", "/account", session=numbers[0]).status_code == 303
    assert not is_in(new_process(world, other))
    third = signed_in(world, user.email)
    assert post(mine, "/account/sessions", "/account").status_code == 303
    assert not is_in(new_process(world, third))
    assert is_in(mine)


def new_process(world: World, browser: FlaskClient) -> FlaskClient:
    """The same browser, at a web process that remembers nothing of it."""
    fresh = new_browser(world)
    fresh.set_cookie("sluice_session", cookie(browser))
    return fresh


def test_a_changed_password_ends_all_other_sessions(world: World) -> None:
    user = add_user(world, email_of())
    mine, other = (signed_in(world, user.email) for _ in range(2))
    before = cookie(mine)
    new = "another horse and battery"
    wrong = post(mine, "/account/password", "/account", old_password="x", new_password=new)
    assert (wrong.status_code, "present password is wrong" in wrong.text) == (401, True)
    weak = post(mine, "/account/password", "/account", old_password=PASSWORD, new_password="x")
    assert weak.status_code == 400
    changed = post(mine, "/account/password", "/account", old_password=PASSWORD, new_password=new)
    assert changed.status_code == 303
    assert cookie(mine) != before
    assert is_in(mine)
    assert not is_in(new_process(world, other))
    assert sign_in(new_browser(world), user.email, PASSWORD).status_code == 401
    assert sign_in(new_browser(world), user.email, new).status_code == 303


def test_a_link_sets_a_new_password(world: World) -> None:
    user = add_user(world, email_of())
    old = signed_in(world, user.email)
    _, secret = world.stores.accounts.links.for_user(user.id, "test")
    browser, path = new_browser(world), f"/join/{secret}"
    page = browser.get(path, headers=BROWSER).text
    assert user.email in page
    # Whose it is, is the link's: an address in the form changes nothing.
    new = "a third horse altogether"
    done = post(browser, path, path, name="Ann", password=new, email="mallory@example.com")
    assert done.status_code == 303
    assert user.email in browser.get("/account", headers=BROWSER).text
    assert not is_in(new_process(world, old))
    assert world.stores.accounts.users.by_email("mallory@example.com") is None


@pytest.mark.parametrize("secret", ["nobody-has-this", "x" * 3000, "%00", "..", "a%2Fb"])
def test_a_link_that_is_none(world: World, secret: str) -> None:
    answer = new_browser(world).get(f"/join/{secret}", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")


class Guessing:
    """Signing in over the world's SQL, with cheap passwords and a clock of the test's."""

    def __init__(self, world: World) -> None:
        self.now = now_ms()
        database, accounts = world.stores.database, world.stores.accounts
        hours = timedelta(hours=1)
        self.signing_in = SigningIn(
            accounts.users,
            PageSessions(database, hours, hours, self.clock),
            PasswordLinks(database, self.clock),
            SignInTries(database, self.clock),
            PASSWORDS,
            uuid4().bytes,
        )

    def clock(self) -> int:
        return self.now

    def guess(
        self, email: str, password: str = "wrong", address: str = "192.0.2.1", known: bool = False
    ) -> int:
        marks = [self.signing_in.mark(email)] if known else []
        try:
            self.signing_in.with_password(email, password, address, "", marks)
        except ApiError as exc:
            told = exc
        else:
            return 200
        assert told.status != 429 or int(told.headers["Retry-After"]) > 0
        return told.status


def test_guesses_at_an_account_are_bounded_whether_or_not_it_is_there(world: World) -> None:
    user = add_user(world, email_of())
    guessing = Guessing(world)
    for email in (user.email, email_of("nobody")):
        tries = [guessing.guess(email, address=f"192.0.2.{n}") for n in range(MOST_OF_ACCOUNT + 2)]
        assert tries == [401] * MOST_OF_ACCOUNT + [429] * 2
    assert guessing.guess(user.email, PASSWORD, "192.0.2.99") == 429
    # Somebody who signed in at this browser before is not kept out by others' guesses.
    assert guessing.guess(user.email, PASSWORD, "192.0.2.98", known=True) == 200
    guessing.now += int(WINDOW.total_seconds() * 1000)
    assert guessing.guess(user.email, PASSWORD) == 200


def test_a_right_password_clears_the_account(world: World) -> None:
    user = add_user(world, email_of())
    guessing = Guessing(world)
    for _ in range(5):
        for _ in range(MOST_OF_ACCOUNT - 1):
            assert guessing.guess(user.email, address=uuid4().hex) == 401
        assert guessing.guess(user.email, PASSWORD) == 200


def test_guesses_from_an_address_are_bounded(world: World) -> None:
    guessing = Guessing(world)
    for one, same, other in (
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),  # a customer has a whole /64
    ):
        tries = {guessing.guess(email_of(), address=one) for _ in range(MOST_OF_ADDRESS)}
        assert tries == {401}
        assert guessing.guess(email_of(), address=same) == 429
        assert guessing.guess(email_of(), address=other) == 401


def test_many_guesses_at_once_are_counted_all(world: World) -> None:
    guessing, email = Guessing(world), email_of()
    outcomes = at_once(*[lambda: guessing.guess(email, address=uuid4().hex)] * 16)
    assert sorted(outcomes) == [401] * MOST_OF_ACCOUNT + [429] * (16 - MOST_OF_ACCOUNT)


def test_the_page_tells_that_tries_are_refused(world: World) -> None:
    user = add_user(world, email_of())
    browser = new_browser(world)
    statuses = [sign_in(browser, user.email, "wrong").status_code for _ in range(MOST_OF_ACCOUNT)]
    assert statuses == [401] * MOST_OF_ACCOUNT
    refused = sign_in(browser, user.email)
    assert (refused.status_code, "Too many tries" in refused.text) == (429, True)
    assert int(refused.headers["Retry-After"]) > 0


def test_an_api_token_signs_in_as_itself(world: World) -> None:
    browser = new_browser(world)
    assert post(browser, "/login", token=TOKEN).status_code == 303
    page = browser.get("/account", headers=BROWSER).text
    assert "You signed in with an API token" in page
    refused = post(browser, "/account/name", "/account", name="X")
    assert (refused.status_code, "signed in with a password" in refused.text) == (403, True)
