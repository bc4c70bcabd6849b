"""The answer of a store that is away, the same from every process."""

from __future__ import annotations

from app.errors import ApiError
from storage.errors import StoreDown

RETRY_AFTER_SECONDS = 5


def store_down(exc: StoreDown) -> ApiError:
    """The 503 of a store that is away: which one, and when to ask again. Its address stays ours."""
    return ApiError(
        503,
        "store_down",
        f"The {exc.store} store cannot be reached now; ask again in a few seconds.",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
