"""Projects, keys and tokens: only hashes are kept, and who owns a key is never in doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from sql_samples import World, at_once, open_world

from config.settings import Settings
from storage.errors import Rejected
from storage.rights import NOBODY, Caller, of_project
from storage.sql.api_keys import ApiKeys
from storage.sql.audit import Audit
from storage.sql.projects import KeyOwner
from storage.sql.tokens import Tokens


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def fresh(word: str = "key") -> str:
    return f"{word}-{uuid4().hex}"


def test_a_project_and_its_key(world: World) -> None:
    name = fresh("shop")
    project, key = world.projects.create(name)
    assert world.projects.by_name(name) == project
    assert project in world.projects.list()
    assert world.projects.find_key(key) == KeyOwner(project.id, name, revoked=False)
    assert world.projects.by_name(fresh()) is None


def test_a_key_from_the_field_is_kept(world: World) -> None:
    key = f"{uuid4().hex}+/=="
    project, kept = world.projects.create(fresh("shop"), key)
    assert kept == key
    assert world.projects.add_key(project.id, key) == key


def test_only_a_hash_and_a_short_prefix_are_in_the_database(world: World) -> None:
    project, key = world.projects.create(fresh("shop"))
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT prefix, public_key, api_keys::text FROM api_keys WHERE project_id = %s",
            (project.id,),
        )
        rows = cursor.fetchall()
    assert len(rows) == 2
    assert all(len(prefix) <= 6 and key not in text for prefix, _, text in rows)
    assert {public for _, public, _ in rows} == {None, project.public_key}
    assert key[:6] in {prefix for prefix, public, _ in rows if public is None}


def test_a_project_has_a_key_for_its_dsn_as_the_newest_that_is_not_revoked(world: World) -> None:
    name = fresh("shop")
    project, key = world.projects.create(name)
    first = project.public_key
    assert first is not None
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != key
    assert world.projects.find_key(first) == KeyOwner(project.id, name, revoked=False)
    keys = ApiKeys(world.database)
    keys.add(project, "a test")
    second = keys.add(project, "a test", public=True)
    assert world.projects.by_name(name) == replace(project, public_key=second)
    world.projects.revoke_key(second)
    assert world.projects.by_name(name) == project
    world.projects.revoke_key(first)
    assert world.projects.by_name(name) == replace(project, public_key=None)
    with pytest.raises(Rejected, match="letters, digits"):
        keys.add(project, "a test", "with-hyphen", public=True)


def test_a_key_as_dsns_have_them_is_kept_as_the_projects_own(world: World) -> None:
    kept = uuid4().hex
    project, key = world.projects.create(fresh("shop"), kept)
    assert project.public_key == key == kept


def test_a_taken_name_or_key_is_rejected_and_leaves_nothing(world: World) -> None:
    name, taken = fresh("shop"), fresh()
    world.projects.create(name, taken)
    with pytest.raises(Rejected, match="already"):
        world.projects.create(name)
    other = fresh("other")
    with pytest.raises(Rejected, match="another project"):
        world.projects.create(other, taken)
    assert world.projects.by_name(other) is None


@pytest.mark.parametrize("key", ["", " a", "a\0b", "clé", "k" * 201])
def test_an_unfit_key_is_rejected(world: World, key: str) -> None:
    with pytest.raises(Rejected):
        world.projects.add_key(world.project.id, key)


@pytest.mark.parametrize("name", ["", " a", "a\0b", "a\ud800", "n" * 201])
def test_an_unfit_name_is_rejected_and_found_nowhere(world: World, name: str) -> None:
    with pytest.raises(Rejected):
        world.projects.create(name)
    assert world.projects.by_name(name) is None


def test_a_project_that_is_not_there_gets_no_key(world: World) -> None:
    with pytest.raises(Rejected):
        world.projects.add_key(2_000_000_000)


def test_revoking_is_for_good(world: World) -> None:
    key = world.projects.add_key(world.project.id)
    assert world.projects.revoke_key(key) is True
    assert world.projects.revoke_key(key) is False
    owner = world.projects.find_key(key)
    assert owner is not None
    assert owner.revoked
    with pytest.raises(Rejected):
        world.projects.add_key(world.project.id, key)


def test_any_string_may_be_asked_for(world: World) -> None:
    for hostile in ("", "\0", "\ud800", "' OR 1=1 --", "k" * 100_000):
        assert world.projects.find_key(hostile) is None
        assert Tokens(world.database).verify(hostile) is None


def test_one_name_created_twice_at_once_is_one_project(world: World) -> None:
    name = fresh("race")

    def create() -> bool:
        try:
            world.projects.create(name)
        except Rejected:
            return False
        return True

    assert sorted(at_once(create, create, create)) == [False, False, True]


def test_tokens(world: World) -> None:
    tokens = Tokens(world.database)
    token = tokens.create("operator")
    assert tokens.verify(token) == Caller("operator", "admin")
    assert tokens.verify(token + "x") is None
    assert tokens.create("operator", token) == token
    with pytest.raises(Rejected):
        tokens.create("somebody else", token)
    with pytest.raises(Rejected):
        tokens.create("operator", token, world.project.id)


def test_a_token_of_a_project_speaks_for_it_alone(world: World) -> None:
    tokens = Tokens(world.database)
    token = tokens.create("developer", project_id=world.project.id, actor="test")
    caller = tokens.verify(token)
    assert caller == of_project("developer", world.project.id, world.project.name, "admin")
    assert caller.sees(world.project.id)
    assert not caller.sees(world.project.id + 1)
    assert not caller.sees(0)
    assert not NOBODY.sees(world.project.id)
    with pytest.raises(Rejected):
        tokens.create("developer", project_id=2**31 - 1)


def test_a_token_is_revoked_by_its_prefix_and_that_is_audited(world: World) -> None:
    tokens = Tokens(world.database)
    token = tokens.create(fresh("short-lived"), project_id=world.project.id)
    row = next(row for row in tokens.list() if row.prefix == token[:6])
    assert (row.project, row.revoked_at) == (world.project.name, None)
    assert tokens.revoke(row.prefix, "test").revoked_at is not None
    assert tokens.verify(token) is None
    for meant in (row.prefix, token, "", "\0", "x" * 500):
        with pytest.raises(Rejected):
            tokens.revoke(meant, "test")
    entries = Audit(world.database).list(subject=row.prefix).items
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("test", "revoke_token"),
        ("system", "create_token"),
    ]


def test_a_prefix_of_two_tokens_revokes_neither(world: World) -> None:
    tokens = Tokens(world.database)
    pair = [tokens.create("twin", f"same-prefix-{fresh('token')}") for _ in range(2)]
    with pytest.raises(Rejected, match="2 tokens begin so"):
        tokens.revoke("same-p", "test")
    tokens.revoke(pair[0], "test")
    assert [tokens.verify(token) is None for token in pair] == [True, False]
