"""How events of metrics and sessions are indexed and asked for."""

from __future__ import annotations

from typing import Any

from elasticsearch import dsl

from storage.search.mappings.base import SENT_KEYS, TITLE_CHARS, Key, Sent, exact

BOUNDED = False

_SHOWN = 3


class Document(Sent):
    """Points and sessions that one service sent together."""

    metrics = exact(free=True)
    sessions = dsl.Keyword(doc_values=False)

    class Meta:
        """Fields that are not named above are not indexed."""

        dynamic = dsl.MetaField(False)


KEYS = {
    **SENT_KEYS,
    "metric": Key("a metric by its name", exact=("metrics",)),
    "session": Key("session of a real user", exact=("sessions",)),
}

LISTED = ("service", "environment", "host", "metrics", "version", "user", "tags")


def derived(fields: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - the mappings' signature
    """Fields that this mapping makes from the record's own: none."""
    return {}


def title(source: dict[str, Any]) -> str:
    """The line a person recognises the event by."""
    names = source.get("metrics") or []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    parts = [source.get("service"), ", ".join(names[:_SHOWN]) + more]
    return ": ".join(str(part) for part in parts if part)[:TITLE_CHARS] or "Metrics"
