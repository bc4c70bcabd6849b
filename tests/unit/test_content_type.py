"""What a sender says that its file is."""

from __future__ import annotations

from typing import Any

import pytest

from events.content_type import UNKNOWN, content_type_of


@pytest.mark.parametrize("said", ["text/plain", "text/html; charset=utf-8", "a" * 200])
def test_what_is_said_is_kept(said: str) -> None:
    assert content_type_of(said) == said


@pytest.mark.parametrize("said", [None, 7, "", "\r\nX: y", "text/plain\n", "ünï/x", "a" * 201])
def test_what_is_none_is_unknown(said: Any) -> None:
    assert content_type_of(said) == UNKNOWN
