"""One mapping module an event type, found by the type's name in the policy table."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any, Protocol, cast

from elasticsearch import dsl

from config.policy import EVENT_TYPES
from storage.search.mappings.base import COMMON_KEYS, Key


class Mapping(Protocol):
    """What a mapping module offers."""

    Document: type[dsl.Document]
    KEYS: dict[str, Key]
    LISTED: tuple[str, ...]
    BOUNDED: bool
    """Whether records of the type bring documents that are bounded already: they are not copied."""

    def derived(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Fields that are made from the record's own."""
        ...

    def title(self, source: dict[str, Any]) -> str:
        """The line a person recognises an event by."""
        ...


@cache
def mapping_of(event_type: str) -> Mapping:
    """The mapping of a type; raises ``KeyError`` when the policy table has no such type."""
    if event_type not in {policy.name for policy in EVENT_TYPES}:
        raise KeyError(event_type)
    return cast(Mapping, importlib.import_module(f"{__name__}.{event_type}"))


@cache
def properties(event_type: str) -> dict[str, dict[str, Any]]:
    """The top-level fields that a type's mapping names, as Elasticsearch reads them."""
    mapping: dict[str, dict[str, Any]] = mapping_of(event_type).Document._doc_type.mapping.to_dict()
    return mapping["properties"]


@cache
def nested_paths() -> frozenset[str]:
    """The fields, over all types, whose parts are documents of their own within a document."""
    return frozenset(
        name
        for policy in EVENT_TYPES
        for name, field in properties(policy.name).items()
        if field["type"] == "nested"
    )


@cache
def query_keys() -> dict[str, Key]:
    """Every key that ``key:value`` of a query may have, over all types."""
    merged = dict(COMMON_KEYS)
    for policy in EVENT_TYPES:
        for name, key in mapping_of(policy.name).KEYS.items():
            known = merged.get(name, Key())
            merged[name] = Key(
                known.means or key.means,
                tuple(dict.fromkeys(known.exact + key.exact)),
                tuple(dict.fromkeys(known.words + key.words)),
                tuple(dict.fromkeys(known.hold + key.hold)),
                tuple(dict.fromkeys(known.cased + key.cased)),
                tuple(dict.fromkeys(known.open + key.open)),
            )
    return merged
