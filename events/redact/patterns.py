"""Kinds of values that are blanked wherever they stand: cards, tokens, addresses, keys."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from events.redact.engine import Regex, any_of, compiled, literal
from events.redact.rules import Rules

# Digits of a card, in groups that one space or hyphen may set apart. No letter, digit or point may
# touch them, else every long fraction and identifier would be looked at.
_CARD = (
    r"(?:^|[^0-9A-Za-z.])"
    r"((?:4[0-9]|5[1-5]|2[2-7]|3[4-7]|6[0245])[0-9]{2}(?:[ -]?[0-9]{3,6}){2,5})\b"
)
_BEARER = r"(?i)\bbearer[ +]+([A-Za-z0-9._~+/-]{8,}=*)"
_JWT = r"\b(eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?)"
_LEAKED_KEY = r"(?i)[?&]x?[-_]?api[-_]?key=([^&#\s\"'<>\\]+)"
_URL_PASSWORD = r"://[^/\s:@\"'?#]*:([^/\s@\"'?#]+)@"  # noqa: S105 - an expression
_EMAIL = r"([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,})"
_IPV4 = r"(?:^|[^0-9A-Za-z.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:[^0-9A-Za-z.]|\.(?:[^0-9]|$)|$)"
_IPV6 = r"(?:^|[^0-9A-Za-z:.])((?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15})(?:[^0-9A-Za-z:]|$)"

_CARD_LENGTHS = {
    "34": (15,),
    "35": (16,),
    "36": (14,),
    "37": (15,),
    "60": (16,),
    "62": (16, 17, 18),
    "64": (16,),
    "65": (16,),
    **{str(first): (16,) for first in (*range(22, 28), *range(40, 50), *range(51, 56))},
}
_SHORTEST_CARD = 14


def card_length(text: bytes) -> int:
    """How many bytes at the start of digits, with gaps, are a payment card's number; 0 for none.

    That is a known beginning, a length of that issuer, and the check digit. What follows after a
    gap may be the date or the code printed on the card.
    """
    digits = [(at, byte - 48) for at, byte in enumerate(text) if 48 <= byte <= 57]
    if len(digits) < _SHORTEST_CARD:
        return 0
    for length in _CARD_LENGTHS.get(f"{digits[0][1]}{digits[1][1]}", ()):
        if len(digits) < length or (len(digits) > length and _touch(digits[length - 1 :])):
            continue
        number = [digit for _, digit in digits[:length]]
        if _checks(number) and len(set(number)) > 1:
            return digits[length - 1][0] + 1
    return 0


def _touch(digits: list[tuple[int, int]]) -> bool:
    return digits[0][0] + 1 == digits[1][0]


def _checks(number: list[int]) -> bool:
    """Luhn's check, ISO/IEC 7812."""
    doubled = (sum(divmod(2 * digit, 10)) for digit in number[-2::-2])
    return (sum(number[-1::-2]) + sum(doubled)) % 10 == 0


def _address_length(text: bytes) -> int:
    try:
        ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        return 0
    # The unspecified address is also how programs write a scope; this machine's own tells nobody.
    return 0 if text in (b"::", b"::1") else len(text)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of value: of group 1 of ``regex``, as many bytes are blanked as ``length`` tells.

    ``hint`` is an expression that matches raw bytes wherever such a value is in them, and
    ``message_hint`` one that does where they are a protobuf message, in which no text is escaped
    and numbers look like anything.
    """

    kind: str
    regex: Regex
    hint: str
    length: Callable[[bytes], int] = len
    message_hint: str | None = None


_KINDS: dict[str, list[tuple[str, str, Callable[[bytes], int]]]] = {
    "card": [(_CARD, _CARD, card_length)],
    "bearer": [(_BEARER, r"bearer[ +]", len), (_JWT, r"eyJ[A-Za-z0-9_-]{5,}\.", len)],
    "leaked_key": [(_LEAKED_KEY, r"api[-_]?key(?:=|\\u003d)", len)],
    "url_password": [(_URL_PASSWORD, r":[^/\s@\"]+@", len)],
    "email": [(_EMAIL, r"@[A-Za-z0-9]", len)],
    "ip": [
        (_IPV4, r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", _address_length),
        (_IPV6, r":[0-9A-Fa-f]{0,4}:", _address_length),
    ],
}

#: Where the hint for JSON would match the numbers of a message. JSON in a text may escape slashes.
_MESSAGE_HINTS = {"url_password": r":[\\/]{2,4}[^/\s@\"'?#]*:[^/\s@\"]+@"}

#: Shorter keys are words as well: a project's key is looked for only from this length on.
MIN_PREFIX_CHARS = 4
_KEY_CHARS = r"[A-Za-z0-9+/=_.~%-]{0,600}"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is known only by its beginning and its SHA-256."""

    prefix: str
    digest: bytes


def patterns(rules: Rules) -> list[Pattern]:
    """The patterns of some rules, but for a project's own keys."""
    return [
        Pattern(kind, compiled(regex), hint, length, _MESSAGE_HINTS.get(kind))
        for kind, parts in _KINDS.items()
        if rules.values[kind]
        for regex, hint, length in parts
    ]


@dataclass(frozen=True, slots=True)
class OwnKeys(Pattern):
    """A project's own keys, of which one of ``prefixes`` stands at the beginning of each."""

    prefixes: tuple[str, ...] = ()


def own_keys(rules: Rules, keys: Iterable[KnownKey]) -> OwnKeys | None:
    """The pattern of a project's own keys; null when there is none to look for."""
    known = [key for key in keys if len(key.prefix) >= MIN_PREFIX_CHARS]
    if not known or not rules.values["project_key"]:
        return None
    prefixes = tuple(sorted({key.prefix for key in known}))
    digests = {key.digest for key in known}

    def length(text: bytes) -> int:
        for form in (text, text.rstrip(b".")):
            if not digests.isdisjoint((_digest(form), _digest(unquote_to_bytes(form)))):
                return len(form)
        return 0

    either = any_of([literal(prefix) for prefix in prefixes])
    regex = compiled(rf"(?:^|[^A-Za-z0-9])((?:{either}){_KEY_CHARS})")
    return OwnKeys("project_key", regex, either, length, prefixes=prefixes)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
