"""The keys that ``key:value`` of a query may have: what each means, and who can answer it.

Keys of an event type are those of its mapping (:mod:`storage.search.mappings`). Beside them stand
the keys here, whose values are compared or chosen from a list. A search of events knows those of
events. The list of groups knows all: those of groups it answers itself, the others it has answered
by a search for groups that have such an event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from storage.query import spans
from storage.query.spans import Span
from storage.search.mappings import query_keys

Side = Literal["events", "groups"]

STATES = (
    "new",
    "open",
    "regressed",
    "resolved",
    "ignored",
    "assigned",
    "unassigned",
    "merged",
    "discarded",
)
"""What ``is:`` may ask for."""

NOBODY = "nobody"
ME = "me"


@dataclass(frozen=True, slots=True)
class QueryKey:
    """``read`` understands a value that is compared; null: it is text. ``open``: the key goes on
    after a dot with a name that clients chose. ``choices`` are the only values there are.
    """

    name: str
    means: str
    events: bool = False
    groups: bool = False
    read: Callable[[str], Span] | None = None
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    open: bool = False

    def named(self, written: str) -> str:
        """The key as terms have it: what follows a dot was named by clients, in their letters."""
        rest = written.partition(".")[2]
        return f"{self.name}.{rest}" if self.open else self.name


_COMPARED = (
    QueryKey(
        "is",
        "where a group stands: new (open, of the last week, and nobody has decided anything), open,"
        " regressed, resolved, ignored; assigned, unassigned; merged; discarded",
        groups=True,
        choices=STATES,
    ),
    QueryKey(
        "assigned",
        "whose a group is: a name, `me` or `nobody`",
        groups=True,
    ),
    QueryKey(
        "introduced", "the version in which a group was first seen, of those kept", groups=True
    ),
    QueryKey("fixed", "the version in which a group stands as resolved", groups=True),
    QueryKey("regressed", "the version in which a group came back", groups=True),
    QueryKey("count", "occurrences of a group", groups=True, read=spans.numbers),
    QueryKey("users", "users a group has met", groups=True, read=spans.numbers),
    QueryKey("number", "a group's short number", groups=True, read=spans.numbers),
    QueryKey(
        "seen",
        "when an event was received, or a group's last one",
        events=True,
        groups=True,
        read=spans.times,
    ),
    QueryKey("first", "when a group's first event was received", groups=True, read=spans.times),
    QueryKey(
        "version",
        "the application's version: `1.4.2`, `1.4.*`, `>1.4`, `[1.2,2.0]`",
        events=True,
        groups=True,
        aliases=("release",),
    ),
)


@cache
def known_keys() -> dict[str, QueryKey]:
    """Every key and alias, in lower case."""
    keys = {
        name: QueryKey(name, key.means, events=True, open=bool(key.open))
        for name, key in query_keys().items()
    }
    for one in _COMPARED:
        keys |= dict.fromkeys((one.name, *one.aliases), one)
    return keys


def key_of(name: str) -> QueryKey:
    """The key of a name, which may go on after a dot; raises ``KeyError`` for an unknown one."""
    root, dot, rest = name.partition(".")
    key = known_keys()[root.lower()]
    if key.open != bool(dot and rest):
        raise KeyError(name)
    return key


def key_names(side: Side) -> list[str]:
    """The keys to tell people of, by name; one that is open shows that something follows."""
    return sorted(
        f"{key.name}.…" if key.open else key.name
        for key in set(known_keys().values())
        if key.events or side == "groups"
    )
