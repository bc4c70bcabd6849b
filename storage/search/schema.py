"""Index templates: what a month's index is like when its first event creates it."""

from __future__ import annotations

from elasticsearch import Elasticsearch, dsl

from storage.search.mappings import mapping_of
from storage.search.names import alias_name, index_pattern

#: Above the templates that a stack of Elastic's own products brings along (100).
_PRIORITY = 200


def template(prefix: str, event_type: str, replicas: int) -> dsl.ComposableIndexTemplate:
    """The index template of a type.

    ``refresh_interval`` is written out, since without it an index nobody searches stops
    refreshing, and an event must be visible a second after it was indexed.
    """
    pattern = index_pattern(prefix, event_type)
    index = dsl.Index(pattern)
    index.document(mapping_of(event_type).Document)
    index.settings(number_of_shards=1, number_of_replicas=replicas, refresh_interval="1s")
    index.aliases(**{alias_name(prefix, event_type): {}})
    name = alias_name(prefix, event_type)
    return index.as_composable_template(name, pattern, _PRIORITY)


def put_schema(client: Elasticsearch, prefix: str, event_type: str, replicas: int) -> None:
    """Put a type's template, and add its new fields to the indices that exist.

    Idempotent, and safe when several processes do it at once: each step states the whole result.
    """
    body = template(prefix, event_type, replicas).to_dict()
    client.indices.put_index_template(name=alias_name(prefix, event_type), **body)
    client.indices.put_mapping(
        index=index_pattern(prefix, event_type),
        allow_no_indices=True,
        ignore_unavailable=True,
        properties=body["template"]["mappings"]["properties"],
    )
