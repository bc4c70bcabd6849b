"""Whose an event is, for erasing: every name of its user, in whatever shape the SDK writes it."""

import dataclasses
import json

import pytest

from config.settings import Secret, Settings
from events.envelope import Envelope
from events.identities import identities, same_user
from events.ids import new_id, now_ms
from storage.erasure import masked
from workbench.erasure.subjects import NoKey, Subject, hasher


def crash(user):
    return envelope({"Details": {"User": user}}, "raygun.entry")


def envelope(body, protocol):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Envelope(new_id(now_ms()), 1, "crash", protocol, raw)


@pytest.mark.parametrize(
    ("user", "names"),
    [
        ({"Identifier": "42", "Email": "a@b.c", "UUID": "u"}, {"42", "a@b.c", "u"}),
        ({"identifier": 42, "fullName": "Ann"}, {"42"}),
        ("ann", {"ann"}),
        (None, set()),
        ({"identifier": "", "email": None}, set()),
    ],
)
def test_every_name_of_a_user_counts_and_no_full_name(user, names):
    assert identities(crash(user)).users == names


def test_a_rum_item_tells_its_session_too():
    item = {"sessionId": "s-1", "user": {"identifier": "ann"}}
    whose = identities(envelope(item, "raygun.rum"))
    assert (whose.users, whose.session) == ({"ann"}, "s-1")


@pytest.mark.parametrize(
    ("body", "protocol"),
    [
        (b'{"user": {"email": "a@b.c"', "raygun.entry"),
        (b'["a@b.c"]', "raygun.entry"),
        (b'{"user": {"email": "a@b.c"}}', "of.a.later.version"),
        (b"\xff<a@b.c>\x00", "raygun.rum"),
    ],
)
def test_every_word_of_what_cannot_be_read_is_a_name(body, protocol):
    assert "a@b.c" in identities(envelope(body, protocol)).users


def test_mail_addresses_match_in_any_case_and_other_names_exactly():
    assert same_user(" Ann@Example.ORG ") == same_user("ann@example.org")
    assert same_user("Ann") != same_user("ann")


@pytest.mark.parametrize("name", ["ann.lee@example.org", "4711", "x" * 500])
def test_what_people_see_of_a_user_is_no_name(name):
    assert name not in masked(name)
    assert len(masked(name)) < 40


def test_a_subject_is_one_projects_user():
    by = hasher(Settings(session_key=Secret("key")))
    subject = Subject(by, 1, by.user(1, "Ann@b.c"), frozenset())
    assert subject.is_user(["else", "ann@B.C"])
    assert not subject.is_user(["ann"])
    assert not Subject(by, 2, by.user(1, "Ann@b.c"), frozenset()).is_user(["ann@b.c"])


def test_a_replaced_key_is_known_by_its_mark_while_it_is_named():
    old = Settings(session_key=Secret("old"))
    mark = hasher(old).mark
    new = dataclasses.replace(old, session_key=Secret("new"))
    with pytest.raises(NoKey, match="SLUICE_SESSION_KEY_FALLBACKS"):
        hasher(new, mark)
    both = dataclasses.replace(new, session_key_fallbacks=(Secret("old"),))
    assert hasher(both, mark).user(1, "ann") == hasher(old).user(1, "ann")
    with pytest.raises(NoKey, match="SLUICE_SESSION_KEY is not set"):
        hasher(dataclasses.replace(old, session_key=Secret("")))
