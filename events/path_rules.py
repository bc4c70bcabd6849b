"""Rules that make one page of many paths, such as ``/user/*``: read, matched, suggested. Pure.

``*`` stands for at least one character within a part of a path, ``**`` for any that follow, the
``/`` included. The first rule that fits a path names its page; a path that none fits is its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

MAX_RULES = 50
MAX_RULE_CHARS = 200
MAX_STARS = 6

#: Fewest paths that a suggested rule makes one of.
MIN_PATHS = 3
#: Fewest different names in one place of a path that are taken for names of things, not of pages.
MIN_NAMES = 20
MAX_SUGGESTIONS = 20

_STARS = re.compile(r"\*+")
_LUCENE_PLAIN = re.compile(r"[A-Za-z0-9/_]")
#: A number, a UUID, or a word of letters and digits that nobody would give a page.
_IDENTIFIER = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?=[^/]*\d)(?=[^/]*[A-Za-z])[0-9A-Za-z_-]{8,}",
    re.IGNORECASE,
)


class BadPathRules(ValueError):
    """Rules that cannot be; the message says which and why."""


@dataclass(frozen=True, slots=True)
class PathRules:
    """In the order in which they are tried."""

    rules: tuple[str, ...] = ()

    def page_of(self, path: str) -> str:
        """The page of a path: the first rule that fits it, or the path itself."""
        return next((rule for rule in self.rules if fits(rule, path)), path)

    def before(self, rule: str) -> list[str]:
        """The rules tried before one that may fit the same paths."""
        earlier = self.rules[: self.rules.index(rule)]
        return [other for other in earlier if _may_overlap(other, rule)]

    def told(self) -> list[str]:
        """As JSON; back through :func:`path_rules_of`."""
        return list(self.rules)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that would make one page of ``paths`` paths with ``views`` views in all."""

    rule: str
    paths: int
    views: int


def path_rules_of(document: Any) -> PathRules:
    """The rules that a JSON list tells. Raises :class:`BadPathRules`."""
    if not isinstance(document, list) or len(document) > MAX_RULES:
        raise BadPathRules(f"rules must be a list of at most {MAX_RULES}")
    for rule in document:
        _check(rule)
    if twice := [rule for rule in document if document.count(rule) > 1]:
        raise BadPathRules(f"{twice[0]!r} is there twice")
    return PathRules(tuple(document))


def fits(rule: str, path: str) -> bool:
    """Whether a path is of a rule's page; in linear time."""
    return _pattern(rule).fullmatch(path) is not None


def lucene(rule: str) -> str:
    """The rule as a regular expression of Lucene, of which only the standard operators are used."""
    return _written(rule, lambda text: "".join(map(_escaped, text)))


def suggest(views: Mapping[str, int]) -> list[Suggestion]:
    """Rules for paths that differ in an identifier or a name only, those of most paths first."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in views:
        rule = _without_identifiers(path)
        if rule != path:
            found[rule].append(path)
    for parent, paths in _by_parent(views, found).items():
        if len(paths) >= MIN_NAMES:
            found[f"{parent}/*"].extend(paths)
    made = [
        Suggestion(rule, len(paths), sum(views[path] for path in paths))
        for rule, paths in found.items()
        if len(paths) >= MIN_PATHS and rule.count("*") <= MAX_STARS and len(rule) <= MAX_RULE_CHARS
    ]
    made.sort(key=lambda one: (-one.paths, one.rule))
    return made[:MAX_SUGGESTIONS]


def _check(rule: Any) -> None:
    if not isinstance(rule, str) or not 1 <= len(rule) <= MAX_RULE_CHARS:
        raise BadPathRules(f"a rule has 1 to {MAX_RULE_CHARS} characters")
    if not rule.isprintable():
        raise BadPathRules("a rule has printable characters only")
    stars = _STARS.findall(rule)
    if not 1 <= len(stars) <= MAX_STARS or any(len(run) > 2 for run in stars):
        raise BadPathRules(f"{rule!r} must have 1 to {MAX_STARS} of * or **")
    if not any(char.isalnum() for char in rule):
        raise BadPathRules(f"{rule!r} needs a letter or digit: it would fit every page")


def _written(rule: str, escape: Any) -> str:
    """A rule as a regular expression, its text made literal by ``escape``."""
    parts = []
    at = 0
    for run in _STARS.finditer(rule):
        parts += [escape(rule[at : run.start()]), ".+" if len(run[0]) > 1 else "[^/]+"]
        at = run.end()
    return "".join([*parts, escape(rule[at:])])


def _escaped(char: str) -> str:
    return char if _LUCENE_PLAIN.fullmatch(char) or not char.isascii() else f"\\{char}"


@lru_cache(maxsize=512)
def _pattern(rule: str) -> Any:
    return re2.compile("(?s)" + _written(rule, re2.escape))


def _may_overlap(one: str, other: str) -> bool:
    """Whether two rules may fit one path: never when their beginnings differ."""
    first, second = one.partition("*")[0], other.partition("*")[0]
    return first.startswith(second) or second.startswith(first)


def _without_identifiers(path: str) -> str:
    return "/".join("*" if _IDENTIFIER.fullmatch(part) else part for part in path.split("/"))


def _by_parent(
    views: Mapping[str, int], found: Mapping[str, Iterable[str]]
) -> Mapping[str, list[str]]:
    """Paths without identifiers by all but their last part."""
    covered = {path for paths in found.values() for path in paths}
    grouped: dict[str, list[str]] = defaultdict(list)
    for path in views:
        parent, slash, name = path.rpartition("/")
        if slash and name and path not in covered:
            grouped[parent].append(path)
    return {parent: paths for parent, paths in grouped.items() if parent}
