"""Which of two versions of an application is the later one.

Versions of numbers are compared by them, in the manner of Semantic Versioning 2.0.0 section 11,
with what else applications send: any count of numbers, a ``v`` or ``package@`` before them, builds
as in ``1.4.2 (87)``. Others, such as commits, have no order of their own: there the one that was
seen first is the earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

#: Longest text of :func:`ordering`; what is cut differs from what it is cut to far behind.
MAX_ORDERING_CHARS = 400

_NUMBERS = re.compile(
    r"(?:v|version |release[- ])?"
    r"(?P<numbers>\d{1,20}(?:\.\d{1,20})*)"
    r"(?=[-+ (_.]|[a-z]|$)"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_BUILD = re.compile(r"\s*(?:\+|\((?=.*\)$))(?P<build>[^)]*)\)?$", re.DOTALL)
#: What follows the numbers directly, as in ``1.0rc1``, or after one of these signs.
_BEFORE_RELEASE = re.compile(r"[-_. ]?(?P<name>[a-z][^+]*|\d[^+]*)?", re.DOTALL)
_PARTS = re.compile(r"\d{1,20}|[^\d.\-_ ]+")
#: Words after the numbers that mean the release itself, or something after it.
_RELEASED = frozenset({"release", "final", "ga", "stable"})
_AFTERWARDS = frozenset({"post", "patch", "hotfix", "sp", "rev", "r"})
#: A name whose first letters are hexadecimal digits is a commit, not ``1`` before release ``a``.
_COMMIT = re.compile(r"[0-9a-f]{7,64}$|[0-9a-f]{8}-[0-9a-f]{4}-")

# The signs sort in this order: before the release, the release, after it, with more numbers.
_PRE, _FINAL, _POST, _MORE = "!", "+", "-", "."


@lru_cache(maxsize=4096)
def ordering(version: str) -> str | None:
    """Text that orders versions by comparing it, in code points; null for a version that has no
    order of its own.
    """
    text = version.strip().lower().rpartition("@")[2]
    if _COMMIT.match(text) and not text.isdigit():
        return None
    found = _NUMBERS.fullmatch(text)
    if found is None:
        return None
    build = _BUILD.search(found["rest"])
    named = found["rest"][: build.start()] if build else found["rest"]
    numbers = found["numbers"].split(".")
    while len(numbers) > 1 and not int(numbers[-1]):
        numbers.pop()
    text = "".join(_MORE + _number(number) for number in numbers) + _stage(named)
    if build:
        text += " " + _identifiers(build["build"])
    return text[:MAX_ORDERING_CHARS]


def _stage(named: str) -> str:
    """What a name after the numbers says: before the release, the release, or after it."""
    found = _BEFORE_RELEASE.fullmatch(named)
    name = found["name"] if found else named
    if not name:
        return _FINAL
    parts = _PARTS.findall(name)
    if not parts or parts[0] in _RELEASED:
        return _FINAL
    if parts[0] in _AFTERWARDS:
        return _POST + _identifiers(name)
    return _PRE + _identifiers(name)


def _identifiers(name: str) -> str:
    """Numbers below words, fewer parts below more."""
    return " ".join(
        f"0{_number(part)}" if part.isdigit() else f"1{part}" for part in _PARTS.findall(name)
    )


def _number(digits: str) -> str:
    """A number such that text orders as numbers do: its length goes before it."""
    digits = digits.lstrip("0") or "0"
    return f"{len(digits):02}{digits}"


@dataclass(frozen=True, slots=True)
class VersionOrder:
    """Compares versions of a project. ``first_seen`` has those that were seen."""

    first_seen: Mapping[str, datetime] = field(default_factory=dict)

    def is_later(self, version: str, than: str) -> bool:
        """Whether a version is later than another; where either has no order of its own, whether it
        was first seen later. What was not seen is not later, and nothing is later than it.
        """
        mine, other = ordering(version), ordering(than)
        if mine is not None and other is not None:
            return mine > other
        seen, other_seen = self.first_seen.get(version), self.first_seen.get(than)
        return seen is not None and other_seen is not None and seen > other_seen

    def is_same(self, version: str, other: str) -> bool:
        """Whether two versions are the same, however they are written."""
        mine = ordering(version)
        return version == other or (mine is not None and mine == ordering(other))

    def latest(self) -> str | None:
        """The latest version seen; null when there is none.

        Of versions without an order of their own and others, the last to come counts.
        """
        best: str | None = None
        for version in sorted(self.first_seen, key=lambda name: (self.first_seen[name], name)):
            if best is None or self.is_later(version, best):
                best = version
        return best
