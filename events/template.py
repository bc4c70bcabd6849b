"""A message without what differs from one occurrence to the next."""

from __future__ import annotations

import re

from events.text import first_line

#: Only the beginning tells messages apart; long ones are dumps.
MAX_CHARS = 300

_BLANK = "#"
_VALUE = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+"  # addresses
    r"|\S+@\S+"  # mail
    r"|(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|`[^`]*`"  # quotations, straight and typographic
    r"|(?<!\w)[\u201c\u2018\u00ab][^\u201d\u2019\u00bb]*[\u201d\u2019\u00bb]"
    r"|\S*[/\\]\S+"  # paths
    r"|\S*\d\S*",  # numbers, ids, hexadecimal
    re.IGNORECASE,
)
#: What a minifier leaves of a name before a property, or of the name of what was called.
_MINIFIED = re.compile(
    r"(?<![\w$.])[A-Za-z_$][\w$]?(?=\.[A-Za-z_$]| is not (?:a function|a constructor|iterable)\b)"
)
_BLANKS = re.compile(r"#(?:[\s,;:]+#)+")


def template(message: str) -> str:
    """The fixed words of a message's first line; values in it show as ``#``.

    Values are quotations, numbers and ids, addresses, paths, minified names, and capitalised words
    after the first: names of people and things.
    """
    line = first_line(message[: MAX_CHARS * 4])[:MAX_CHARS]
    words = _VALUE.sub(_BLANK, _MINIFIED.sub(_BLANK, line)).split()
    fixed = words[:1] + [_BLANK if word[:1].isupper() else word for word in words[1:]]
    return _BLANKS.sub(_BLANK, " ".join(fixed))
