"""Counting events by the values of their facets: a group's, and those of its project's others.

Of many events a random sample is counted, so that a page with millions of them comes as soon as one
with thousands; the answer says by what share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elasticsearch import dsl

from events.unusual import Counted

#: What is told apart, beside what each type has under these names in ``facets``.
FACETS = (
    "version",
    "os",
    "browser",
    "device",
    "runtime",
    "arch",
    "locale",
    "machine",
    "sdk",
    "tag",
)
VALUES = 10
#: Events of a sample, about.
SAMPLE = 10_000


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts of events by facet and value, the most frequent values first.

    ``sampled`` is the share of events that was counted, 1 for all; ``values`` beyond the first
    :data:`VALUES` of a facet are told together by ``more``.
    """

    counted: Counted
    more: Mapping[str, int]
    sampled: float


def share_of(events: int) -> float:
    """Which share of so many events makes a sample; 1, or at most a half, as the server takes."""
    share = SAMPLE / max(events, 1)
    return share if share <= 0.5 else 1.0


def count_values(search: dsl.Search, share: float) -> dsl.Search:
    """Have a search count its events by facet."""
    sample = _sampled(search, share)
    for name in FACETS:
        sample.bucket(name, "terms", field=f"facets.{name}", size=VALUES)
    return search


def count_these(search: dsl.Search, wanted: Counted, share: float) -> dsl.Search:
    """Have a search count its events that have the values of others."""
    sample = _sampled(search, share)
    for facet, values in wanted.values.items():
        filters = {value: dsl.Q("term", **{f"facets.{facet}": value}) for value in values}
        sample.bucket(facet, "filters", filters=filters)
    return search


def facets_of(answer: Mapping[str, Any], share: float) -> Facets:
    """What :func:`count_values` counted."""
    sample = answer["sample"]
    found = {name: sample[name] for name in FACETS if name in sample}
    values = {
        name: {bucket["key"]: bucket["doc_count"] for bucket in terms["buckets"]}
        for name, terms in found.items()
        if terms["buckets"]
    }
    more = {name: terms["sum_other_doc_count"] for name, terms in found.items()}
    return Facets(Counted(sample["doc_count"], values), more, share)


def these_of(answer: Mapping[str, Any], facets: Iterable[str]) -> Counted:
    """What :func:`count_these` counted."""
    sample = answer["sample"]
    values = {
        facet: {value: bucket["doc_count"] for value, bucket in sample[facet]["buckets"].items()}
        for facet in facets
    }
    return Counted(sample["doc_count"], values)


def _sampled(search: dsl.Search, share: float) -> Any:
    """A bucket of the events that are counted. The seed keeps a page's numbers as they are."""
    return search.aggs.bucket("sample", "random_sampler", probability=share, seed=1)
