"""Passwords: hashed, verified, bounded in how many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from app.accounts.passwords import LEAST_CHARS, WAITING, Passwords, checked_password
from app.errors import ApiError

CHEAP = {"passes": 1, "kibibytes": 8}


def test_a_password_fits_its_hash_alone() -> None:
    passwords = Passwords(**CHEAP)
    kept = passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert "correct" not in kept
    assert passwords.hash("correct horse") != kept  # salted
    assert passwords.fits(kept, "correct horse")
    for wrong in ("", "correct horse ", "Correct horse", "\0", "x" * 10_000):
        assert not passwords.fits(kept, wrong)
        assert not passwords.fits(None, wrong)
    assert not passwords.fits("no hash at all", "correct horse")


def test_a_hash_of_other_parameters_is_old_and_fits_all_the_same() -> None:
    kept = Passwords(**CHEAP).hash("correct horse")
    dearer = Passwords(passes=2, kibibytes=16)
    assert dearer.fits(kept, "correct horse")
    assert dearer.is_old(kept)
    assert not dearer.is_old(dearer.hash("correct horse"))


def test_who_waits_too_long_is_turned_away() -> None:
    passwords, hold = Passwords(**CHEAP, patience=0.05), Event()
    blocked = passwords._pool.submit(hold.wait)
    try:
        with ThreadPoolExecutor(WAITING + 8) as many:
            waiting = [many.submit(_status, passwords) for _ in range(WAITING + 8)]
            assert {one.result(30) for one in waiting} == {503}
    finally:
        hold.set()
    blocked.result(30)
    assert Passwords(**CHEAP).hash("x")


def _status(passwords: Passwords) -> int:
    with pytest.raises(ApiError) as caught:
        passwords.hash("correct horse")
    assert int(caught.value.headers["Retry-After"]) > 0
    return caught.value.status


@pytest.mark.parametrize(
    "password",
    [
        "",
        "x" * (LEAST_CHARS - 1),
        "a" * 50,
        "abababababab",
        "x" * 501,
        "ann@example.com",
        "Ann Example",
    ],
)
def test_a_password_that_is_too_easy(password: str) -> None:
    with pytest.raises(ApiError) as caught:
        checked_password(password, "Ann@Example.com", "ann example")
    assert (caught.value.status, caught.value.code) == (400, "bad_argument")
    assert not password or password not in caught.value.message


def test_a_password_of_words_will_do() -> None:
    assert checked_password("four words of any kind", "ann@example.com")
    assert checked_password("пароль из шести слов", "ann@example.com")
