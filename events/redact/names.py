"""Which names of fields are blanked, however a client spells them."""

from __future__ import annotations

from events.redact.engine import any_of, compiled, literal
from events.redact.rules import Rules

_SEPARATORS = b"-_. "
_MAX_BYTES = 200
_REMEMBERED = 5_000

# What may come after a name: a quotation mark, also an escaped one, of JSON; ``=`` of a query or a
# form, also as %3D; the bracket of user[password]; in protobuf the tag of an attribute's value.
_END = r'[-_. ]*[]\\"=%\x12]'


def plain_name(name: bytes) -> bytes:
    """A name without letter case and separators: ``X-Api_Key`` is ``xapikey``."""
    return name.translate(None, _SEPARATORS).lower()


class Names:
    """The names of some rules. Remembers names it has seen, a bounded number of them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = [(name, compiled(_glob(name))) for name in rules.all_names]
        self._blank = compiled(any_of([_glob(name) for name in rules.all_names]))
        self._keep = compiled(any_of([_glob(name) for name in rules.keep]))
        self._seen: dict[bytes, str | None] = {}

    def rule(self, name: bytes) -> str | None:
        """The rule by which a field of this name is blanked, null for none."""
        if name in self._seen:
            return self._seen[name]
        found = self._look(name) if len(name) <= _MAX_BYTES else None
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[name] = found
        return found

    def _look(self, name: bytes) -> str | None:
        # user[password] is how forms write it: the innermost part names the field.
        for part in (name, name.rstrip(b"]").rpartition(b"[")[2]):
            plain = plain_name(part)
            if self._blank.fullmatch(plain) and not self._keep.fullmatch(plain):
                return next(rule for rule, glob in self._rules if glob.fullmatch(plain))
        return None


def _glob(name: str) -> str:
    parts = (literal(plain_name(part.encode()).decode()) for part in name.split("*"))
    return "(?s:" + ".*".join(parts) + ")"


def name_hints(rules: Rules) -> list[str]:
    """Expressions of which one matches raw bytes wherever a name in them may be blanked."""
    return [_hint(name) for name in rules.all_names]


def _hint(name: str) -> str:
    fragments = [plain_name(part.encode()).decode() for part in name.split("*")]
    longest = max(fragments, key=len)
    letters = r"[-_. ]*".join(literal(char) for char in longest)
    return letters + (_END if fragments[-1] == longest else "")
