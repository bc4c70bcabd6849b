"""Months of a type's search indices: which there are, and dropping one whole."""

from __future__ import annotations

import re

from elasticsearch import Elasticsearch

from storage.search.faults import translated
from storage.search.names import alias_name

_MONTH = re.compile(r"\d{4}\.\d{2}")


def months(client: Elasticsearch, prefix: str, event_type: str) -> list[str]:
    """The months, such as ``2026.01``, that have an index; a rebuilt one has the name as alias."""
    beginning = f"{alias_name(prefix, event_type)}-"
    with translated():
        found = client.indices.get(
            index=f"{beginning}*", ignore_unavailable=True, features=["aliases"]
        )
    names = {name for index, parts in found.items() for name in (index, *parts["aliases"])}
    ends = (name.removeprefix(beginning) for name in names if name.startswith(beginning))
    return sorted(month for month in ends if _MONTH.fullmatch(month))


def drop_month(client: Elasticsearch, prefix: str, event_type: str, month: str) -> None:
    """Delete a month's index, by whichever name it goes; none is as good."""
    name = f"{alias_name(prefix, event_type)}-{month}"
    with translated():
        for index in list(client.indices.get(index=name, ignore_unavailable=True)):
            client.indices.delete(index=index, ignore_unavailable=True)
