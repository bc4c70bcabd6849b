"""The categories in which Sentry's SDKs count what they send, lose and hold back; pure."""

from __future__ import annotations

_CATEGORIES = {
    "crash": ("default", "error", "security", "attachment"),
    "rum": ("replay", "feedback"),
    "trace": ("transaction", "span", "log_item", "profile", "profile_chunk"),
    "metric": ("session", "trace_metric", "monitor"),
}


def categories_of(event_type: str) -> tuple[str, ...]:
    """The categories whose items become events of a type; none for a type that Sentry lacks."""
    return _CATEGORIES.get(event_type, ())


def type_of(category: str) -> str | None:
    """The type that a category's items become; null for a category that is not known."""
    return next((name for name, known in _CATEGORIES.items() if category in known), None)
