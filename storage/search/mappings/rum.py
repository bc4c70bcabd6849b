"""How real-user monitoring is indexed and asked for."""

from __future__ import annotations

from typing import Any

from elasticsearch import dsl

from storage.search.mappings.base import (
    KEYWORD_CHARS,
    TITLE_CHARS,
    Common,
    Key,
    counted,
    exact,
    words,
)


class Vitals(dsl.InnerDoc):
    """Web vitals: milliseconds, but for CLS, which is a score."""

    lcp = dsl.Float()
    inp = dsl.Float()
    cls = dsl.Float()
    fcp = dsl.Float()
    ttfb = dsl.Float()
    fid = dsl.Float()


class Phases(dsl.InnerDoc):
    """What a page's load took, phase by phase, in milliseconds (:data:`events.rum.PHASES`)."""

    dns = dsl.Float()
    connect = dsl.Float()
    server = dsl.Float()
    download = dsl.Float()
    parse = dsl.Float()
    render = dsl.Float()
    load = dsl.Float()
    fcp = dsl.Float()


BOUNDED = False


class Document(Common):
    """A page view, request, web vital or session border. ``request_id`` is the page view's, which
    all that happened in it share; ``resources`` are for who shows the page (events.resources).
    """

    kind = exact(free=True)
    request_id = dsl.Keyword(ignore_above=KEYWORD_CHARS)
    page = exact(fields={"words": words()}, free=True)
    host = counted()
    duration_ms = dsl.Double()
    vitals = dsl.Object(Vitals)
    phases = dsl.Object(Phases)
    resources = dsl.Keyword(index=False, doc_values=False)
    browser = counted()
    browser_version = counted()
    os = counted()
    device = counted()
    country = counted()
    message = words(free=True)

    class Meta:
        """Fields that are not named above are not indexed."""

        dynamic = dsl.MetaField(False)


KEYS = {
    "kind": Key("kind of a real-user event", exact=("kind",)),
    "page": Key("page or view, whole or by its words", exact=("page",), words=("page.words",)),
    "host": Key("host of a page's address", exact=("host",)),
    "browser": Key("browser", exact=("browser",)),
    "os": Key("operating system and its version", exact=("os",)),
    "device": Key("phone, tablet or desktop", exact=("device",)),
    "country": Key("country that the application tagged the event with", exact=("country",)),
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
