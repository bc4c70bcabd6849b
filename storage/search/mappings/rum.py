"""How real-user monitoring is indexed and asked for."""

from __future__ import annotations

from typing import Any

from elasticsearch import dsl

from storage.search.mappings.base import TITLE_CHARS, Common, Key, exact, words

BOUNDED = False


class Document(Common):
    """A page view, request, web vital or session border."""

    kind = exact(free=True)
    session_id = exact(free=True)
    page = exact(fields={"words": words()}, free=True)
    duration_ms = dsl.Double()
    message = words(free=True)

    class Meta:
        """Fields that are not named above are not indexed."""

        dynamic = dsl.MetaField(False)


KEYS = {
    "kind": Key("kind of a real-user event", exact=("kind",)),
    "session": Key("session of a real user", exact=("session_id",)),
    "page": Key("page or view, whole or by its words", exact=("page",), words=("page.words",)),
    "message": Key("words of what a person said or a log line tells", words=("message",)),
}

LISTED = ("kind", "session_id", "page", "duration_ms", "version", "user", "tags", "message")


def derived(fields: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - the mappings' signature
    """Fields that this mapping makes from the record's own: none."""
    return {}


def title(source: dict[str, Any]) -> str:
    """The line a person recognises the event by."""
    parts = [source.get("kind"), source.get("page") or source.get("session_id")]
    return " ".join(str(part) for part in parts if part)[:TITLE_CHARS] or "RUM event"
