"""Accounts in SQL: users, roles, memberships, links, sessions, tokens of users, tries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from psycopg2.extensions import make_dsn

from config.settings import Secret, Settings
from events.ids import now_ms, time_of
from storage.errors import NotFound, Rejected, StoreDown
from storage.rights import Caller, Grant, ProjectRole
from storage.sql.audit import Audit, acting_from
from storage.sql.database import Database
from storage.sql.memberships import Member, Memberships
from storage.sql.page_sessions import MOST_OF_USER, PageSessions
from storage.sql.password_links import FIRST_GOOD_FOR, GOOD_FOR, MOST_FIRST, PasswordLinks
from storage.sql.projects import Project
from storage.sql.sign_in_tries import WINDOW, SignInTries
from storage.sql.tokens import Tokens
from storage.sql.users import User, Users
from tests.contract.sql_samples import World, at_once, open_world

IDLE, MOST = timedelta(hours=2), timedelta(hours=5)


@dataclass
class Accounts:
    """Everything on one database and one clock, which the test moves."""

    world: World
    now: int = field(default_factory=now_ms)

    def __post_init__(self) -> None:
        database = self.world.database
        self.users = Users(database)
        self.members = Memberships(database)
        self.links = PasswordLinks(database, self.clock)
        self.sessions = PageSessions(database, IDLE, MOST, self.clock)
        self.tokens = Tokens(database, self.clock)
        self.tries = SignInTries(database, self.clock)
        self.audit = Audit(database)

    def clock(self) -> int:
        return self.now

    def later(self, by: timedelta) -> None:
        self.now += int(by.total_seconds() * 1000)

    def user(self, role: str | None = None) -> User:
        """A user who has a password."""
        email = f"{uuid4().hex}@example.com"
        user, link = self.links.invite(email, "Ann", "test", role)  # type: ignore[arg-type]
        self.links.use(link, "a hash", "Ann")
        found = self.users.find(user.id)
        assert found is not None
        return found

    def actions(self, subject: object) -> list[str]:
        return [entry.action for entry in self.audit.list(subject=str(subject)).items]


@pytest.fixture(scope="module")
def world(module_settings: Settings) -> Iterator[World]:
    with open_world(module_settings) as world:
        yield world


@pytest.fixture
def accounts(world: World) -> Accounts:
    return Accounts(world)


def test_a_link_makes_the_first_administrator_and_then_nobody(accounts: Accounts) -> None:
    """The first of this module: nobody is there yet."""
    assert not accounts.users.has_administrator()
    first = accounts.links.for_first_administrator("up")
    second = accounts.links.for_first_administrator("up")
    assert first is not None
    assert second is not None
    for secret in (first, second):
        link = accounts.links.find(secret)
        assert link is not None
        assert link.email is None
    user_id = accounts.links.use(first, "a hash", "Root", "Root@Example.com")
    root = accounts.users.find(user_id)
    assert root is not None
    assert (root.email, root.role, root.has_password) == ("root@example.com", "admin", True)
    assert accounts.links.find(second) is None
    with pytest.raises(NotFound):
        accounts.links.use(second, "a hash", "Mallory", "mallory@example.com")
    assert accounts.users.by_email("mallory@example.com") is None
    assert accounts.links.for_first_administrator("up") is None
    assert accounts.actions("root@example.com") == ["set_password", "create_user"]


def test_links_for_the_first_are_bounded(accounts: Accounts, world: World) -> None:
    with world.database.transaction() as cursor:
        cursor.execute("UPDATE users SET disabled_at = now() WHERE role = 'admin'")
    for _ in range(MOST_FIRST + 5):
        accounts.links.for_first_administrator("up")
    with world.database.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM password_links WHERE user_id IS NULL")
        assert cursor.fetchall() == [(MOST_FIRST,)]
        cursor.execute("UPDATE users SET disabled_at = NULL WHERE role = 'admin'")
    accounts.later(FIRST_GOOD_FOR)
    accounts.user()
    with world.database.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM password_links WHERE user_id IS NULL")
        assert cursor.fetchall() == [(0,)]


def test_an_invitation_is_used_once_and_expires(accounts: Accounts) -> None:
    email = f"{uuid4().hex}@example.com"
    user, secret = accounts.links.invite(email, "Bob", "test")
    assert not user.has_password
    assert accounts.users.password_hash(email) is None
    accounts.later(GOOD_FOR)
    assert accounts.links.find(secret) is None
    with pytest.raises(NotFound):
        accounts.links.use(secret, "a hash", "Bob")
    _, anew = accounts.links.for_user(user.id, "test")
    outcomes = at_once(*[lambda: _use(accounts, anew)] * 4)
    assert sorted(outcomes) == [False, False, False, True]
    assert accounts.users.password_hash(email.upper()) == (user.id, "a hash")


def _use(accounts: Accounts, secret: str) -> bool:
    try:
        accounts.links.use(secret, "a hash", "Bob")
    except NotFound:
        return False
    return True


def test_a_new_link_ends_the_one_before_and_setting_a_password_ends_sessions(
    accounts: Accounts,
) -> None:
    user = accounts.user()
    session = accounts.sessions.begin(user.id, "127.0.0.1", "")
    _, first = accounts.links.for_user(user.id, "test")
    _, second = accounts.links.for_user(user.id, "test")
    assert accounts.links.find(first) is None
    assert accounts.sessions.verify(session) is not None
    accounts.links.use(second, "another hash", "Ann")
    assert accounts.sessions.verify(session) is None


@pytest.mark.parametrize(
    "email", ["", "ann", "@example.com", "ann@", "a b@example.com", "a\0@example.com", "a" * 300]
)
def test_an_unfit_address_is_rejected(accounts: Accounts, email: str) -> None:
    with pytest.raises(Rejected):
        accounts.links.invite(email, "Ann", "test")
    assert accounts.users.by_email(email) is None


def test_one_address_is_one_user_in_any_letter_case(accounts: Accounts) -> None:
    user = accounts.user()
    with pytest.raises(Rejected, match="already"):
        accounts.links.invite(user.email.upper(), "Else", "test")
    found = accounts.users.by_email(f" {user.email.upper()} ")
    assert found is not None
    assert found.id == user.id


def test_the_last_administrator_stays(accounts: Accounts, world: World) -> None:
    with world.database.transaction() as cursor:
        cursor.execute("UPDATE users SET role = NULL")
    one, two = accounts.user("admin"), accounts.user("admin")
    accounts.users.set_role(one.id, "operator", "test")
    with pytest.raises(Rejected, match="last administrator"):
        accounts.users.set_role(two.id, None, "test")
    with pytest.raises(Rejected, match="last administrator"):
        accounts.users.set_disabled(two.id, disabled=True, actor="test")
    accounts.users.set_role(one.id, "admin", "test")

    def demote(user: User) -> bool:
        try:
            accounts.users.set_role(user.id, None, "test")
        except Rejected:
            return False
        return True

    assert sorted(at_once(lambda: demote(one), lambda: demote(two))) == [False, True]
    assert accounts.users.has_administrator()


def test_users_are_listed_by_address(accounts: Accounts) -> None:
    made = {accounts.user().email for _ in range(5)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = accounts.users.list(cursor, 2)
        seen += [user.email for user in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert made <= set(seen)
    assert len(set(seen)) == len(seen)
    with pytest.raises(ValueError, match="cursor"):
        accounts.users.list("zzz")


def test_members_of_a_project(accounts: Accounts, world: World) -> None:
    user, project = accounts.user(), world.project
    accounts.members.set(project, user.id, "member", "test")
    accounts.members.set(project, user.id, "viewer", "test")
    assert accounts.members.of_project(project.id) == [
        Member(user.id, user.email, "Ann", "viewer", active=True)
    ]
    assert [one.project for one in accounts.members.of_user(user.id)] == [project.name]
    session = accounts.sessions.begin(user.id, "127.0.0.1", "")
    assert accounts.sessions.verify(session) == Caller(
        user.email, None, {project.id: Grant(project.name, "read")}, user.id
    )
    accounts.members.remove(project, user.id, "test")
    with pytest.raises(NotFound):
        accounts.members.remove(project, user.id, "test")
    with pytest.raises(NotFound):
        accounts.members.set(project, 2**31 - 1, "member", "test")
    with pytest.raises(Rejected):
        accounts.members.set(project, user.id, "emperor", "test")  # type: ignore[arg-type]
    assert accounts.actions(user.email)[:3] == ["remove_member", "set_member", "set_member"]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_who_is_given_more_by_another_needs_a_link_of_theirs(
    accounts: Accounts, world: World, elsewhere: bool
) -> None:
    """Who invited still has the link: it must not open what others give."""
    membership: tuple[Project, ProjectRole] = (world.project, "viewer")
    user, link = accounts.links.invite(
        f"{uuid4().hex}@example.com", "Bob", "inviter", membership=membership
    )
    accounts.members.set(world.project, user.id, "member", "inviter")
    assert accounts.links.find(link) is not None
    if elsewhere:
        accounts.members.set(world.project, user.id, "admin", "another")
    else:
        accounts.users.set_role(user.id, "operator", "another")
    assert accounts.links.find(link) is None
    with pytest.raises(NotFound):
        accounts.links.use(link, "a hash", "Bob")
    _, again = accounts.links.for_user(user.id, "another")
    assert accounts.links.use(again, "a hash", "Bob") == user.id


def test_a_session_ends_unused_and_old_and_with_its_user(accounts: Accounts) -> None:
    user = accounts.user("operator")
    begin = accounts.sessions.begin
    secret = begin(user.id, "10.1.2.3", "Chromium\0" + "x" * 1000)
    caller = accounts.sessions.verify(secret)
    assert caller == Caller(user.email, "operate", {}, user.id)
    (shown,) = accounts.sessions.of_user(user.id)
    assert (shown.address, shown.browser[:9]) == ("10.1.2.3", "Chromium␀")
    assert accounts.sessions.number(secret) == shown.id
    for _ in range(2):  # used in time, it goes on
        accounts.later(IDLE - timedelta(minutes=1))
        assert accounts.sessions.verify(secret) is not None
    accounts.later(IDLE - timedelta(minutes=1))
    assert accounts.sessions.verify(secret) is None  # as old as a session gets
    secret = begin(user.id, "10.1.2.3", "")
    accounts.later(IDLE)
    assert accounts.sessions.verify(secret) is None
    assert accounts.sessions.of_user(user.id) == []
    secret = begin(user.id, "10.1.2.3", "")
    accounts.users.set_disabled(user.id, disabled=True, actor="test")
    assert accounts.sessions.verify(secret) is None
    accounts.users.set_disabled(user.id, disabled=False, actor="test")
    assert accounts.sessions.verify(secret) is None
    for strange in ("", "\0", "\ud800", "x" * 10_000):
        assert accounts.sessions.verify(strange) is None
        assert accounts.sessions.number(strange) is None


def test_sessions_are_ended_one_by_one_and_all_but_one(accounts: Accounts) -> None:
    user, other = accounts.user(), accounts.user()
    secrets = [accounts.sessions.begin(user.id, "127.0.0.1", "") for _ in range(4)]
    theirs = accounts.sessions.begin(other.id, "127.0.0.1", "")
    number = accounts.sessions.number(secrets[0])
    assert accounts.sessions.end_of_user(other.id, number, "test") == 0
    assert accounts.sessions.end_of_user(user.id, number, "test") == 1
    accounts.sessions.end(secrets[1])
    assert accounts.sessions.end_of_user(user.id, None, "test", but=secrets[2]) == 1
    good = [one for one in secrets if accounts.sessions.verify(one)]
    assert good == [secrets[2]]
    assert accounts.sessions.verify(theirs) is not None


def test_sessions_of_a_user_are_bounded(accounts: Accounts) -> None:
    user = accounts.user()
    first = accounts.sessions.begin(user.id, "127.0.0.1", "")
    for _ in range(MOST_OF_USER):
        accounts.later(timedelta(seconds=1))
        accounts.sessions.begin(user.id, "127.0.0.1", "")
    assert accounts.sessions.verify(first) is None
    assert len(accounts.sessions.of_user(user.id)) == MOST_OF_USER


def test_a_session_by_token_ends_with_the_token(accounts: Accounts, world: World) -> None:
    token = accounts.tokens.create(uuid4().hex, project_id=world.project.id, scope="triage")
    secret = accounts.sessions.begin_with_token(token, "127.0.0.1", "")
    assert secret is not None
    caller = accounts.sessions.verify(secret)
    assert caller == accounts.tokens.verify(token)
    assert caller is not None
    assert caller.right_in(world.project.id) == "triage"
    accounts.tokens.revoke(token, "test")
    assert accounts.sessions.verify(secret) is None
    assert accounts.sessions.begin_with_token(token, "127.0.0.1", "") is None
    assert accounts.sessions.begin_with_token("nobody-has-this", "127.0.0.1", "") is None


def test_a_token_of_a_user_is_good_as_long_as_the_user(accounts: Accounts, world: World) -> None:
    user, project = accounts.user(), world.project
    accounts.members.set(project, user.id, "admin", "test")
    token = accounts.tokens.create("laptop", user_id=user.id, scope="operate")
    caller = accounts.tokens.verify(token)
    assert caller is not None
    assert (caller.name, caller.token) == (user.email, "laptop")
    assert (caller.right_in(project.id), caller.everywhere) == ("operate", None)
    accounts.members.set(project, user.id, "viewer", "test")
    caller = accounts.tokens.verify(token)
    assert caller is not None
    assert caller.right_in(project.id) == "read"
    assert [row.name for row in accounts.tokens.list(user_id=user.id)] == ["laptop"]
    assert token[:6] not in {row.prefix for row in accounts.tokens.list(project_id=project.id)}
    accounts.users.set_disabled(user.id, disabled=True, actor="test")
    assert accounts.tokens.verify(token) is None


def test_a_token_expires_and_tells_when_it_was_used(accounts: Accounts) -> None:
    expires_at = time_of(accounts.now) + timedelta(days=1)
    token = accounts.tokens.create("brief", scope="read", expires_at=expires_at)
    assert accounts.tokens.verify(token) == Caller("brief", "read")
    (row,) = [one for one in accounts.tokens.list() if one.prefix == token[:6]]
    assert (row.scope, row.used_at) == ("read", time_of(accounts.now))
    accounts.later(timedelta(days=1))
    assert accounts.tokens.verify(token) is None
    number = row.id
    assert accounts.tokens.revoke_number(number, "test").revoked_at is not None
    with pytest.raises(NotFound):
        accounts.tokens.revoke_number(number, "test")


def test_who_asks_is_known_while_nothing_can_be_written(
    accounts: Accounts, module_settings: Settings
) -> None:
    token = accounts.tokens.create("reader", scope="read")
    user = accounts.user()
    session = accounts.sessions.begin(user.id, "127.0.0.1", "")
    accounts.later(timedelta(hours=1))
    refusing = make_dsn(
        module_settings.postgres_dsn.reveal(), options="-c default_transaction_read_only=on"
    )
    database = Database(Secret(refusing), max_connections=1)
    assert Tokens(database, accounts.clock).verify(token) == Caller("reader", "read")
    sessions = PageSessions(database, IDLE, MOST, accounts.clock)
    assert sessions.verify(session) == Caller(user.email, user_id=user.id)
    with pytest.raises(StoreDown):  # else this test could not fail
        sessions.begin(user.id, "127.0.0.1", "")
    database.close()
    (row,) = [one for one in accounts.tokens.list() if one.prefix == token[:6]]
    assert row.used_at is None


@pytest.mark.parametrize("name", ["", "ann@example.com", "cli:root", "a\0b", "n" * 201])
def test_a_tokens_name_is_taken_for_nobody_else(accounts: Accounts, name: str) -> None:
    with pytest.raises(Rejected):
        accounts.tokens.create(name)


def test_tries_are_counted_at_once_and_forgotten_in_time(accounts: Accounts) -> None:
    account, address = uuid4().bytes, uuid4().bytes
    counted = at_once(*[lambda: accounts.tries.count([account, address])[account].tries] * 8)
    assert sorted(counted) == list(range(1, 9))
    accounts.tries.take_back(address)
    accounts.tries.forget(account)
    found = accounts.tries.count([account, address])
    assert (found[account].tries, found[address].tries) == (1, 8)
    assert 0 < found[account].seconds_left <= WINDOW.total_seconds()
    accounts.later(WINDOW)
    assert accounts.tries.count([account])[account].tries == 1
    with accounts.world.database.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM sign_in_tries WHERE bucket = %s", (address,))
        assert cursor.fetchall() == [(0,)]


def test_the_audit_tells_from_where(accounts: Accounts) -> None:
    user = accounts.user()
    with acting_from("192.0.2.7"):
        accounts.users.rename(user.id, "Anna", user.email)
    entry = accounts.audit.list(subject=user.email).items[0]
    assert (entry.action, entry.actor, entry.address) == ("rename_user", user.email, "192.0.2.7")
    accounts.users.rename(user.id, "Ann", user.email)
    assert accounts.audit.list(subject=user.email).items[0].address == ""
