"""What a project has redacted, as SQL keeps it and the broker copies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from events.redact.patterns import KnownKey
from events.redact.rules import Rules, rules_of

#: Version of the rules of a project that never changed them: the defaults of the code.
NEVER_CHANGED = 0


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """The rules of a project, which change of them these are, and its keys, to find them leaked."""

    version: int
    rules: Rules
    keys: tuple[KnownKey, ...] = ()

    def encode(self) -> bytes:
        """As JSON; back through :func:`decode_rules`."""
        keys = [[key.prefix, key.digest.hex()] for key in self.keys]
        document = {"version": self.version, "rules": self.rules.told(), "keys": keys}
        return orjson.dumps(document)


def decode_rules(data: bytes) -> ProjectRules:
    """Back from :meth:`ProjectRules.encode`; raises ``ValueError`` for anything else."""
    document: Any = orjson.loads(data)
    try:
        keys = tuple(KnownKey(prefix, bytes.fromhex(digest)) for prefix, digest in document["keys"])
        return ProjectRules(int(document["version"]), rules_of(document["rules"]), keys)
    except (KeyError, TypeError) as exc:
        raise ValueError(f"not the rules of a project: {exc!r}") from exc
