"""How spans and logs are indexed and asked for: a document an event, its spans and logs nested."""

from __future__ import annotations

from typing import Any

from elasticsearch import dsl

from storage.search.mappings.base import (
    KEYWORD_CHARS,
    SENT_KEYS,
    TITLE_CHARS,
    Key,
    Sent,
    exact,
    words,
)

#: What a document may hold is bounded where records are made, in the very shape that is indexed.
BOUNDED = True


class Span(dsl.InnerDoc):
    """One timed operation. What nobody searches or sorts by is only told.

    Attributes are ``name=value``: a field for each name would cost two terms, and the mapping.
    """

    trace_id = dsl.Keyword(doc_values=False)
    span_id = dsl.Keyword(index=False, doc_values=False)
    operation = exact(doc_values=False)
    category = dsl.Keyword(doc_values=False)
    status = dsl.Keyword(doc_values=False)
    segment = dsl.Boolean(index=False, doc_values=False)
    started_at = dsl.Date(index=False, doc_values=False)
    duration_ms = dsl.Double()
    attributes = dsl.Keyword(doc_values=False, ignore_above=KEYWORD_CHARS)


class Log(dsl.InnerDoc):
    """One line that was logged."""

    trace_id = dsl.Keyword(doc_values=False)
    level = dsl.Keyword(doc_values=False)
    body = words(free=True)
    at = dsl.Date(index=False, doc_values=False)
    attributes = dsl.Keyword(doc_values=False, ignore_above=KEYWORD_CHARS)


class Document(Sent):
    """What one service sent together."""

    operation = dsl.Keyword(index=False, doc_values=False)
    operations = exact(free=True)
    spans = dsl.Nested(Span)
    logs = dsl.Nested(Log)

    class Meta:
        """Fields that are not named above are not indexed."""

        dynamic = dsl.MetaField(False)


KEYS = {
    **SENT_KEYS,
    "operation": Key("what a span did", exact=("spans.operation",)),
    "category": Key("kind of a span", exact=("spans.category",)),
    "status": Key("how a span ended", exact=("spans.status",)),
    "trace": Key("id of a trace", exact=("spans.trace_id", "logs.trace_id")),
    "attribute": Key("an attribute of a span, as name=value", exact=("spans.attributes",)),
    "log": Key("words of a log line, in order", words=("logs.body",)),
    "level": Key("level of a log line", exact=("logs.level",)),
}

LISTED = ("service", "operation", "environment", "host", "version", "user", "tags")


def derived(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields that this mapping makes from the record's own: what a list shows of the event."""
    spans = fields.get("spans") or []
    main = next((span for span in spans if span["segment"]), spans[0] if spans else None)
    shown = main["operation"] if main else f"{len(fields.get('logs') or [])} log lines"
    return {"operation": shown, "operations": list(dict.fromkeys(s["operation"] for s in spans))}


def title(source: dict[str, Any]) -> str:
    """The line a person recognises the event by."""
    parts = [source.get("service"), source.get("operation")]
    return ": ".join(str(part) for part in parts if part)[:TITLE_CHARS] or "Spans"
