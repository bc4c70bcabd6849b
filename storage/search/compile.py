"""Query objects from a parsed query: pure, and every value is a parameter, never syntax."""

from __future__ import annotations

from collections import defaultdict

from elasticsearch.dsl import query as q

from storage.search.mappings import nested_paths, query_keys
from storage.search.mappings.base import FREE_TEXT, Key
from storage.search.query import ParsedQuery, Term

_FREE = Key(words=(FREE_TEXT,))


def compile_query(parsed: ParsedQuery) -> q.Query:
    """What Elasticsearch is asked; meant for filter context, since results order by time."""
    wanted = [term for term in parsed.terms if not term.negated]
    together: dict[str, list[q.Query]] = defaultdict(list)
    for term in wanted:
        if path := _one_path(term):
            together[path].append(_within(term))
    return q.Bool(
        filter=[
            *(_condition(term) for term in wanted if not _one_path(term)),
            *(_nested(path, q.Bool(filter=all_)) for path, all_ in together.items()),
        ],
        must_not=[_condition(term) for term in parsed.terms if term.negated],
    )


def _one_path(term: Term) -> str | None:
    """The path of the nested documents that alone a term is about: such terms must all hold of the
    same one.
    """
    paths = {_path(field) for field in (*_key(term).exact, *_key(term).words)}
    return paths.pop() if len(paths) == 1 else None


def _path(field: str) -> str | None:
    path = field.partition(".")[0]
    return path if path in nested_paths() else None


def _nested(path: str, query: q.Query) -> q.Query:
    """A condition on one of the nested documents; indices of other types have none."""
    return q.Nested(path=path, query=query, ignore_unmapped=True)


def _key(term: Term) -> Key:
    return _FREE if term.key is None else query_keys()[term.key]


def _within(term: Term) -> q.Query:
    """What a nested document is asked."""
    return _either([query for _, query in _alternatives(term)])


def _condition(term: Term) -> q.Query:
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
        return [(field, q.Exists(field=field)) for field in key.exact + key.words]
    return [
        *((field, _exact(field, term)) for field in key.exact),
        *((field, _words(field, term)) for field in key.words),
    ]


def _either(queries: list[q.Query]) -> q.Query:
    return queries[0] if len(queries) == 1 else q.Bool(should=queries)


def _exact(field: str, term: Term) -> q.Query:
    if term.prefix:
        return q.Prefix(field, {"value": term.value, "case_insensitive": True})
    return q.Term(field, {"value": term.value})


def _words(field: str, term: Term) -> q.Query:
    """A value may hold several words, as a path does: they must stand in this order.

    One without a letter or digit, such as the arrow of a pasted text, restricts nothing; with
    a key it can only be meant, so it matches nothing.
    """
    nothing = "none" if term.negated or term.key else "all"
    options = {"query": term.value, "zero_terms_query": nothing}
    if term.prefix:
        return q.MatchPhrasePrefix(field, {**options, "max_expansions": 200})
    return q.MatchPhrase(field, options)
