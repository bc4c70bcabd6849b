"""How crashes are indexed and asked for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from elasticsearch import dsl

from storage.search.mappings.base import (
    TITLE_CHARS,
    Common,
    Key,
    exact,
    facets,
    open_object,
    words,
)

#: By what crashes are told apart, beside tags: the names of :func:`events.facets.facets_of`.
FACETS = {
    "os": "operating system and its version",
    "browser": "browser and its major version",
    "device": "device, by its maker's names",
    "runtime": "runtime and its version",
    "arch": "processor architecture",
    "locale": "language and region",
    "sdk": "SDK that reported, and its version",
}

_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAME_CHARS = 500

BOUNDED = True


class Document(Common):
    """A crash. ``class_words`` are the parts of its class name, which the server cannot split;
    ``calls`` the words of its stack, each once. What free words look into by itself is not copied.
    """

    class_name = exact()
    class_words = words()
    message = words()
    culprit = exact()
    machine = exact(free=True)
    trace_id = dsl.Keyword()
    url = words()
    calls = dsl.Text(norms=False, index_options="docs")
    facets = facets()
    custom = open_object()
    environment = open_object()

    class Meta:
        """Fields that are not named above are not indexed."""

        dynamic = dsl.MetaField(False)


KEYS = {
    "class": Key(
        "class of the error, by its full name or its last part",
        exact=("class_name",),
        words=("class_words",),
    ),
    "message": Key("words of the message, in order", words=("message",)),
    "culprit": Key("the application's innermost function", exact=("culprit",)),
    "machine": Key("machine that reported", exact=("machine",)),
    "url": Key("part of the request's or page's address", words=("url",)),
    "trace": Key("id of a trace", exact=("trace_id",)),
    "group": Key("id of the event's fingerprint", exact=("group_id",)),
    "env": Key("what the SDK told of the surroundings, by its own names", open=("environment",)),
    "custom": Key("custom data, by its own names", open=("custom",)),
    **{name: Key(means, cased=(f"facets.{name}",)) for name, means in FACETS.items()},
}

LISTED = (
    "class_name",
    "message",
    "culprit",
    "version",
    "machine",
    "url",
    "user",
    "tags",
    "trace_id",
)


@lru_cache(maxsize=1024)
def split_name(name: str) -> str:
    """``System.NullReferenceException`` as the names and words a person would type for it."""
    name = name[:_NAME_CHARS]
    short = re.split(r"[.:/\\$]+", name)[-1]
    return f"{short} {' '.join(_CAMEL.findall(name))}"


def derived(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields that this mapping makes from the record's own."""
    name = fields.get("class_name")
    return {"class_words": split_name(name)} if isinstance(name, str) and name else {}


def title(source: dict[str, Any]) -> str:
    """The line a person recognises a crash by."""
    parts = [source.get("class_name"), source.get("message")]
    return ": ".join(str(part) for part in parts if part)[:TITLE_CHARS] or "Crash"
