"""What a store refuses of what somebody asked for, or does not have, told as their mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import ApiError, bad_argument
from storage.errors import NotFound, Rejected


@contextmanager
def telling(argument: str) -> Iterator[None]:
    """Turn what a store refuses within into the ``ApiError`` 400 of an argument, and what it does
    not have into 404: its detail is ``no such …``.
    """
    try:
        yield
    except Rejected as exc:
        raise bad_argument(argument, exc.detail) from None
    except NotFound as exc:
        raise ApiError(404, "not_found", f"There is {exc.detail}.") from None
