"""Query objects from a parsed query: pure, and every value is a parameter, never syntax."""

from __future__ import annotations

from elasticsearch.dsl import query as q

from storage.search.mappings import query_keys
from storage.search.mappings.base import FREE_TEXT, Key
from storage.search.query import ParsedQuery, Term

_FREE = Key(words=(FREE_TEXT,))


def compile_query(parsed: ParsedQuery) -> q.Query:
    """What Elasticsearch is asked; meant for filter context, since results order by time."""
    return q.Bool(
        filter=[_condition(term) for term in parsed.terms if not term.negated],
        must_not=[_condition(term) for term in parsed.terms if term.negated],
    )


def _condition(term: Term) -> q.Query:
    key = _FREE if term.key is None else query_keys()[term.key]
    if term.prefix and not term.value:
        alternatives: list[q.Query] = [q.Exists(field=field) for field in key.exact + key.words]
    else:
        alternatives = [_exact(field, term) for field in key.exact]
        alternatives += [_words(field, term) for field in key.words]
    return alternatives[0] if len(alternatives) == 1 else q.Bool(should=alternatives)


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
