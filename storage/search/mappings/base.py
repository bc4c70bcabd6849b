"""The fields every search document has, and the builders that keep mappings alike.

``dynamic`` is off: a key that no mapping names is not indexed, so hostile keys cannot grow the
mapping. What clients name themselves goes into ``flattened`` fields, one field however many keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elasticsearch import dsl

#: The text field that short values are copied to, for free words of a query to find them.
FREE_TEXT = "search_text"

#: Longest value a keyword field indexes, in characters; longer ones stay in the document only.
KEYWORD_CHARS = 512

#: Longest title of a hit, in characters.
TITLE_CHARS = 300

#: Deepest object a flattened field takes; documents are cut below it (:mod:`..document`).
FLATTENED_DEPTH = 20


def exact(*, free: bool = False, **options: Any) -> dsl.Keyword:
    """A field matched as a whole, letter case ignored; ``free``: free words find it too."""
    if free:
        options["copy_to"] = FREE_TEXT
    return dsl.Keyword(normalizer="lowercase", ignore_above=KEYWORD_CHARS, **options)


def counted() -> dsl.Keyword:
    """A field matched like :func:`exact`, and counted as it is spelled under ``.shown``."""
    return exact(fields={"shown": dsl.Keyword(ignore_above=KEYWORD_CHARS)})


def words(*, free: bool = False, **options: Any) -> dsl.Text:
    """A field matched by its words; ``free``: free words find it too."""
    if free:
        options["copy_to"] = FREE_TEXT
    return dsl.Text(norms=False, **options)


def open_object() -> dsl.Flattened:
    """An object whose keys the client chose; without doc values, since nothing sorts by it."""
    return dsl.Flattened(ignore_above=KEYWORD_CHARS, depth_limit=FLATTENED_DEPTH, doc_values=False)


def facets() -> dsl.Flattened:
    """What kinds of events are told apart by, counted by value: in the letter case they came in."""
    return dsl.Flattened(ignore_above=KEYWORD_CHARS, depth_limit=2)


@dataclass(frozen=True, slots=True)
class Key:
    """What ``key:value`` of a query looks into: fields matched whole, of which ``cased`` ones are
    indexed in their letter case, fields by their ``words`` in order, fields that ``hold`` words in
    no order, and ``open`` objects whose keys clients chose: there the key goes on, as in
    ``custom.basket.items``.
    """

    means: str = ""
    exact: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    cased: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


class User(dsl.InnerDoc):
    """Whom the event happened to."""

    identifier = exact(free=True)
    email = exact(free=True)
    name = exact(free=True)


class Common(dsl.Document):
    """Fields of every type. ``received_at`` is the id's time, ``occurred_at`` the device's;
    ``version_order`` is the version as it is compared.

    ``user_key`` tells users apart, as users affected are counted; ``path`` is the page an event is
    of, and ``session_id`` the session of a real user it belongs to, where its report says so.
    """

    id = dsl.Keyword()
    type = dsl.Keyword()
    project_id = dsl.Integer()
    received_at = dsl.Date()
    occurred_at = dsl.Date()
    group_id = dsl.Keyword()
    version = exact(free=True)
    version_order = dsl.Keyword()
    user = dsl.Object(User)
    user_key = dsl.Keyword(ignore_above=KEYWORD_CHARS)
    path = counted()
    session_id = exact(free=True)
    tags = exact(free=True)
    client = open_object()
    search_text = dsl.Text(norms=False)


class Sent(Common):
    """What a service sent of itself: spans, metrics. ``resource`` is all that it said of itself."""

    service = exact(free=True)
    environment = exact(free=True)
    host = exact(free=True)
    resource = open_object()


SENT_KEYS = {
    "service": Key("the service that sent", exact=("service",)),
    "environment": Key("the environment that it runs in", exact=("environment",)),
    "host": Key("the host that it runs on, or of the page", exact=("host",)),
}

#: Keys of a query that every type has.
COMMON_KEYS = {
    "version": Key("the application's version", exact=("version",)),
    "user": Key(
        "identifier, e-mail or name of the user",
        exact=("user.identifier", "user.email", "user.name"),
    ),
    "email": Key("the user's e-mail", exact=("user.email",)),
    "tag": Key("a tag", exact=("tags",)),
    "session": Key("session of a real user", exact=("session_id",)),
    "path": Key("path of the page that it happened on", exact=("path",)),
}
