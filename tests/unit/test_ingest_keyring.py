from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.ingest.keyring import (
    AWAY_SECONDS,
    MAX_KNOWN,
    MAX_UNKNOWN,
    SLOW_SECONDS,
    KeyRing,
    Undecided,
)
from storage.errors import StoreDown
from storage.sql.projects import KeyOwner


class Directory:
    """Keys and whether they can be asked for: the function a ring is given, with a memory."""

    def __init__(self) -> None:
        self.keys: dict[str, KeyOwner] = {"good": KeyOwner(7, "shop", False)}
        self.away = False
        self.asked: list[str] = []

    def find(self, key: str) -> KeyOwner | None:
        self.asked.append(key)
        if self.away:
            raise StoreDown("sql", "away")
        return self.keys.get(key)


class Hand:
    """A clock moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def ring(directory: Directory, clock: Hand) -> KeyRing:
    return KeyRing(directory.find, 5, clock)


def test_a_key_is_asked_for_once_while_trusted(
    ring: KeyRing, directory: Directory, clock: Hand
) -> None:
    assert ring.owner("good") == KeyOwner(7, "shop", False)
    clock.now = 4.9
    assert ring.owner("good") == KeyOwner(7, "shop", False)
    assert directory.asked == ["good"]


def test_a_revocation_bites_when_trust_ends(
    ring: KeyRing, directory: Directory, clock: Hand
) -> None:
    ring.owner("good")
    directory.keys["good"] = KeyOwner(7, "shop", True)
    clock.now = 5
    owner = ring.owner("good")
    assert owner is not None
    assert owner.revoked


def test_unknown_keys_are_remembered_and_forgotten_in_time(
    ring: KeyRing, directory: Directory, clock: Hand
) -> None:
    assert ring.owner("new") is None
    assert ring.owner("new") is None
    assert directory.asked == ["new"]
    directory.keys["new"] = KeyOwner(8, "app", False)
    clock.now = 5
    assert ring.owner("new") == KeyOwner(8, "app", False)


def test_known_keys_outlive_an_outage(ring: KeyRing, directory: Directory, clock: Hand) -> None:
    ring.owner("good")
    directory.away = True
    clock.now = 3600
    assert ring.owner("good") == KeyOwner(7, "shop", False)


def test_unknown_keys_are_undecided_in_an_outage(
    ring: KeyRing, directory: Directory, clock: Hand
) -> None:
    assert ring.owner("new") is None
    directory.away = True
    clock.now = 6
    for key in ("new", "never seen"):
        with pytest.raises(Undecided):
            ring.owner(key)


def test_an_absent_store_is_left_alone_for_a_moment(
    ring: KeyRing, directory: Directory, clock: Hand
) -> None:
    directory.away = True
    for key in ("a", "b", "c"):
        with pytest.raises(Undecided):
            ring.owner(key)
    assert directory.asked == ["a"]
    directory.away = False
    clock.now = AWAY_SECONDS
    assert ring.owner("b") is None


def test_while_a_question_stays_open_nobody_else_waits(clock: Hand) -> None:
    asked, answer = threading.Event(), threading.Event()
    owners = {"good": KeyOwner(7, "shop", False), "new": KeyOwner(8, "app", False)}

    def find(key: str) -> KeyOwner | None:
        if key == "new":
            asked.set()
            assert answer.wait(10)
        return owners.get(key)

    ring = KeyRing(find, 5, clock)
    ring.owner("good")
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(ring.owner, "new")
        assert asked.wait(10)
        clock.now = 5 + SLOW_SECONDS
        assert ring.owner("good") == owners["good"]
        with pytest.raises(Undecided):
            ring.owner("never seen")
        answer.set()
        assert waiting.result(10) == owners["new"]
    assert ring.owner("never seen") is None


def test_made_up_keys_neither_grow_the_ring_nor_evict_known_ones(
    ring: KeyRing, directory: Directory
) -> None:
    ring.owner("good")
    for number in range(3 * MAX_UNKNOWN):
        ring.owner(f"made up {number}")
    assert len(ring._unknown) == MAX_UNKNOWN
    directory.away = True
    assert ring.owner("good") == KeyOwner(7, "shop", False)


def test_known_keys_are_bounded_too(ring: KeyRing, directory: Directory) -> None:
    directory.keys = {f"k{n}": KeyOwner(n, "p", False) for n in range(MAX_KNOWN + 10)}
    for key in directory.keys:
        ring.owner(key)
    assert len(ring._known) == MAX_KNOWN


def test_a_key_that_is_too_long_is_nobodys_and_not_asked_for(
    ring: KeyRing, directory: Directory
) -> None:
    assert ring.owner("k" * 201) is None
    assert directory.asked == []


class Copies:
    """What a ring is given to remember with beyond its process, kept in a dictionary."""

    def __init__(self) -> None:
        self.owners: dict[str, KeyOwner | None] = {}

    def learn(self, key: str, owner: KeyOwner | None, /) -> None:
        self.owners[key] = owner

    def recall(self, key: str, /) -> KeyOwner | None:
        return self.owners.get(key)


@pytest.fixture
def copies() -> Copies:
    return Copies()


@pytest.fixture
def copied(directory: Directory, clock: Hand, copies: Copies) -> KeyRing:
    return KeyRing(directory.find, 5, clock, copies=copies)


def test_what_postgresql_says_is_copied(
    copied: KeyRing, directory: Directory, copies: Copies
) -> None:
    copied.owner("good")
    copied.owner("made up")
    assert copies.owners == {"good": KeyOwner(7, "shop", False), "made up": None}


def test_a_ring_that_knows_nothing_decides_by_the_copies_in_an_outage(
    copied: KeyRing, directory: Directory, copies: Copies
) -> None:
    directory.away = True
    copies.owners = {"good": KeyOwner(7, "shop", False), "old": KeyOwner(7, "shop", True)}
    assert copied.owner("good") == KeyOwner(7, "shop", False)
    revoked = copied.owner("old")
    assert revoked is not None
    assert revoked.revoked
    with pytest.raises(Undecided):
        copied.owner("made up")


def test_a_revocation_that_only_the_copies_know_bites_in_an_outage(
    copied: KeyRing, directory: Directory, copies: Copies, clock: Hand
) -> None:
    copied.owner("good")
    directory.away = True
    copies.owners["good"] = KeyOwner(7, "shop", True)
    clock.now = 5
    owner = copied.owner("good")
    assert owner is not None
    assert owner.revoked
    copies.owners["good"] = KeyOwner(7, "shop", False)
    clock.now = 10
    owner = copied.owner("good")
    assert owner is not None
    assert owner.revoked


def test_what_was_decided_by_a_copy_is_asked_for_when_postgresql_is_back(
    copied: KeyRing, directory: Directory, copies: Copies, clock: Hand
) -> None:
    directory.away = True
    copies.owners["good"] = KeyOwner(7, "shop", False)
    copied.owner("good")
    directory.away = False
    directory.keys["good"] = KeyOwner(7, "shop", True)
    clock.now = 5
    owner = copied.owner("good")
    assert owner is not None
    assert owner.revoked
