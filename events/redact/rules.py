"""What a project has redacted: names of fields, and kinds of values. Bounded and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Names blanked unless a project says otherwise; letter case, ``-``, ``_``, ``.`` and spaces do
#: not matter, and ``*`` stands for any characters.
DEFAULT_NAMES = (
    "*password",
    "*passwd",
    "passphrase",
    "pwd",
    "secret",
    "*_secret",
    "*_secret_key",
    "*secret_access_key",
    "*authorization",
    "*cookie",
    "*cookies",
    "*api_key",
    "access_token",
    "*_access_token",
    "refresh_token",
    "id_token",
    "auth_token",
    "*_auth_token",
    "session_token",
    "csrf_token",
    "x_csrf_token",
    "x_xsrf_token",
    "bearer_token",
    "private_key",
    "*_private_key",
    "credentials",
    "card_number",
    "credit_card",
    "credit_card_number",
    "cvv",
    "cvc",
    "ssn",
)

#: The kinds of values, and whether each is blanked unless a project says otherwise. E-mails and
#: addresses are left by default: a developer wants to know whom a crash met.
DEFAULT_VALUES = {
    "card": True,
    "bearer": True,
    "leaked_key": True,
    "url_password": True,
    "project_key": True,
    "email": False,
    "ip": False,
}

MAX_NAMES = 100
MAX_NAME_CHARS = 100
MAX_STARS = 3
MIN_LITERAL_CHARS = 2


class BadRules(ValueError):
    """Rules that cannot be; the message says which part and why."""


@dataclass(frozen=True, slots=True)
class Rules:
    """``names`` are a project's own beside the defaults, of which ``keep`` are not blanked.

    ``values`` has every kind of value. Without ``default_names`` only ``names`` count.
    """

    default_names: bool = True
    names: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    values: dict[str, bool] = field(default_factory=lambda: dict(DEFAULT_VALUES))

    def __hash__(self) -> int:
        return hash((self.default_names, self.names, self.keep, *sorted(self.values.items())))

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name that is blanked, but for those kept."""
        return (*(DEFAULT_NAMES if self.default_names else ()), *self.names)

    def told(self) -> dict[str, Any]:
        """The rules as JSON; back through :func:`rules_of`."""
        return {
            "default_names": self.default_names,
            "names": list(self.names),
            "keep": list(self.keep),
            "values": dict(self.values),
        }


def rules_of(document: Any) -> Rules:
    """The rules that JSON tells; absent parts are the defaults. Raises :class:`BadRules`."""
    if not isinstance(document, dict):
        raise BadRules("rules must be an object")
    if unknown := document.keys() - {"default_names", "names", "keep", "values"}:
        raise BadRules(f"no rules are called {min(map(str, unknown))!r}")
    defaults = document.get("default_names", True)
    if not isinstance(defaults, bool):
        raise BadRules("default_names must be true or false")
    return Rules(defaults, _names(document, "names"), _names(document, "keep"), _values(document))


def _names(document: dict[str, Any], part: str) -> tuple[str, ...]:
    names = document.get(part, [])
    if not isinstance(names, list) or len(names) > MAX_NAMES:
        raise BadRules(f"{part} must be a list of at most {MAX_NAMES} names")
    for name in names:
        _check_name(name, part)
    return tuple(dict.fromkeys(names))


def _check_name(name: Any, part: str) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARS:
        raise BadRules(f"a name in {part} has 1 to {MAX_NAME_CHARS} characters")
    if not (name.isascii() and name.isprintable()) or '"' in name or "\\" in name:
        raise BadRules(f"{part}: {name!r} must be printable ASCII without quotes and backslashes")
    if name.count("*") > MAX_STARS:
        raise BadRules(f"{part}: {name!r} has more than {MAX_STARS} stars")
    if sum(char.isalnum() for char in name) < MIN_LITERAL_CHARS:
        raise BadRules(f"{part}: {name!r} needs {MIN_LITERAL_CHARS} letters or digits")


def _values(document: dict[str, Any]) -> dict[str, bool]:
    given = document.get("values", {})
    if not isinstance(given, dict):
        raise BadRules("values must be an object")
    if unknown := given.keys() - DEFAULT_VALUES.keys():
        known = ", ".join(DEFAULT_VALUES)
        raise BadRules(f"no kind of value is called {min(map(str, unknown))!r}: {known}")
    if any(not isinstance(wanted, bool) for wanted in given.values()):
        raise BadRules("each of values must be true or false")
    return {**DEFAULT_VALUES, **given}
