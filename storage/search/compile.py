"""Query objects from a parsed query: pure, and every value is a parameter, never syntax."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from elasticsearch.dsl import query as q

from storage.query.keys import key_of
from storage.query.parse import ParsedQuery, Term
from storage.query.spans import Span
from storage.search.document import timestamp
from storage.search.mappings import nested_paths, query_keys
from storage.search.mappings.base import FREE_TEXT, Key

#: What free words look into. Long texts are searched where they lie: copied to one field they would
#: be indexed twice, which was a quarter of what indexing a crash costs Elasticsearch (ADR 0050).
_FREE = Key(
    exact=("class_name",),
    words=(FREE_TEXT, "message", "url", "class_words"),
    hold=("calls",),
)

#: Where values that are compared lie.
_COMPARED = {"seen": "received_at", "version": "version_order"}


def compile_query(parsed: ParsedQuery, now: datetime) -> q.Query:
    """What Elasticsearch is asked; meant for filter context, since results order by time.

    Ages are those at ``now``. A condition that only groups can meet is a ``ValueError``.
    """
    wanted = [term for term in parsed.terms if not term.negated]
    together: dict[str, list[q.Query]] = defaultdict(list)
    for term in wanted:
        if path := _one_path(term):
            together[path].append(_within(term))
    return q.Bool(
        filter=[
            *(_condition(term, now) for term in wanted if not _one_path(term)),
            *(_nested(path, q.Bool(filter=all_)) for path, all_ in together.items()),
        ],
        must_not=[_condition(term, now) for term in parsed.terms if term.negated],
    )


def _one_path(term: Term) -> str | None:
    """The path of the nested documents that alone a term is about: such terms must all hold of the
    same one.
    """
    if term.span is not None or (term.key is not None and not key_of(term.key).events):
        return None
    paths = {_path(field) for field in _all_fields(_key(term))}
    return paths.pop() if len(paths) == 1 else None


def _path(field: str) -> str | None:
    path = field.partition(".")[0]
    return path if path in nested_paths() else None


def _nested(path: str, query: q.Query) -> q.Query:
    """A condition on one of the nested documents; indices of other types have none."""
    return q.Nested(path=path, query=query, ignore_unmapped=True)


def _key(term: Term) -> Key:
    """The fields of a term's key; of one that goes on after a dot, what it goes on to."""
    if term.key is None:
        return _FREE
    root, _, rest = term.key.partition(".")
    key = query_keys()[root]
    return replace(key, open=tuple(f"{field}.{rest}" for field in key.open))


def _all_fields(key: Key) -> tuple[str, ...]:
    return key.exact + key.words + key.hold + key.cased + key.open


def _within(term: Term) -> q.Query:
    """What a nested document is asked."""
    return _either([query for _, query in _alternatives(term)])


def _condition(term: Term, now: datetime) -> q.Query:
    if term.key is not None and not key_of(term.key).events:
        raise ValueError(f"{term.key} is no key of events")
    if term.span is not None:
        return q.Range(_COMPARED[str(term.key)], _limits(term.span.at(now)))
    return _either(
        [
            _nested(path, query) if (path := _path(field)) else query
            for field, query in _alternatives(term)
        ]
    )


def _alternatives(term: Term) -> list[tuple[str, q.Query]]:
    """What each field of a term's key is asked."""
    key = _key(term)
    if term.prefix and not term.value:
        return [(field, q.Exists(field=field)) for field in _all_fields(key)]
    return [
        *((field, _exact(field, term)) for field in key.exact),
        *((field, _cased(field, term)) for field in key.cased + key.open),
        *((field, _words(field, term)) for field in key.words),
        *((field, _held(field, term)) for field in key.hold),
    ]


def _either(queries: list[q.Query]) -> q.Query:
    return queries[0] if len(queries) == 1 else q.Bool(should=queries)


def _limits(span: Span) -> dict[str, object]:
    limits: dict[str, object] = {}
    for end, is_open, names in (
        (span.low, span.low_open, ("gte", "gt")),
        (span.high, span.high_open, ("lte", "lt")),
    ):
        if end is not None:
            limits[names[is_open]] = timestamp(end) if isinstance(end, datetime) else end
    return limits


def _exact(field: str, term: Term) -> q.Query:
    if term.prefix:
        return q.Prefix(field, {"value": term.value, "case_insensitive": True})
    return q.Term(field, {"value": term.value})


def _cased(field: str, term: Term) -> q.Query:
    options = {"value": term.value, "case_insensitive": True}
    return q.Prefix(field, options) if term.prefix else q.Term(field, options)


def _words(field: str, term: Term) -> q.Query:
    """A value may hold several words, as a path does: they must stand in this order.

    One without a letter or digit, such as the arrow of a pasted text, restricts nothing; with
    a key it can only be meant, so it matches nothing.
    """
    options = {"query": term.value, "zero_terms_query": _wordless(term)}
    if term.prefix:
        return q.MatchPhrasePrefix(field, {**options, "max_expansions": 200})
    return q.MatchPhrase(field, options)


def _held(field: str, term: Term) -> q.Query:
    """The words of a value, wherever they stand."""
    options = {"query": term.value, "operator": "and"}
    if term.prefix:
        return q.MatchBoolPrefix(field, options)
    return q.Match(field, {**options, "zero_terms_query": _wordless(term)})


def _wordless(term: Term) -> str:
    return "none" if term.negated or term.key else "all"
