"""Text twins: what a page shows as JSON, Markdown or CSV, by the same filters and access. Pure.

All three are made from the view itself, so a page has them without a line of its own. Whatever is
in a view came from outside: Markdown is escaped, and a CSV cell is never a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from app.dashboard.text import visible

CONTENT_TYPES = {
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
_APART = ("title", "gaps", "paging")
"""Parts of a view that are not told like the others."""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DEEPEST_HEADING = 6


def as_json(view: object) -> bytes:
    """The view as it is, times in ISO 8601 with ``Z``."""
    return orjson.dumps(view, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def as_markdown(view: object) -> str:
    """Headings, facts and tables for whatever the view holds."""
    document = orjson.loads(as_json(view))
    lines = [f"# {escaped(document.get('title'))}", ""]
    for gap in document.get("gaps") or ():
        lines += [f"> Missing: {escaped(gap['part'])}. {escaped(gap['store'])}: {gap['why']}", ""]
    lines += _object({k: v for k, v in document.items() if k not in _APART}, 2)
    return "\n".join(lines).rstrip() + "\n"


def as_csv(view: object, table: str | None) -> str:
    """The rows of the view's list ``table``; without one, the view by names and values."""
    document = orjson.loads(as_json(view))
    if table is None:
        rows = [{"name": name, "value": value} for name, value in _flat(document).items()]
    else:
        rows = [_flat(item) for item in document[table] or ()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def escaped(value: Any) -> str:
    """Text on one line of Markdown, in which nothing is markup."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(visible(_plain(value)).split()))


def fenced(value: Any) -> str:
    """Text of many lines as a block of Markdown, in a fence longer than any inside."""
    text = visible(_plain(value))
    longest = max((len(found) for found in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _object(part: Mapping[str, Any], level: int) -> Iterator[str]:
    facts = {name: value for name, value in part.items() if not _is_nested(value)}
    for name, value in facts.items():
        if isinstance(value, str) and "\n" in value:
            yield from (f"**{_label(name)}**", "", fenced(value), "")
        elif value not in (None, ""):
            yield f"- **{_label(name)}**: {escaped(value)}"
    if facts:
        yield ""
    for name, value in part.items():
        if name not in facts and value:
            yield from ("#" * min(level, _DEEPEST_HEADING) + f" {_label(name)}", "")
            yield from _nested(value, level + 1)


def _nested(value: Any, level: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _object(value, level)
    elif all(isinstance(item, Mapping) for item in value):
        if any(_is_nested(part) for item in value for part in item.values()):
            for number, item in enumerate(value, 1):
                yield from ("#" * min(level, _DEEPEST_HEADING) + f" {number}", "")
                yield from _object(item, level + 1)
        else:
            yield from _table(value)
    else:
        yield from (f"- {escaped(item)}" for item in value)
        yield ""


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    yield f"| {' | '.join(_label(name) for name in names)} |"
    yield f"| {' | '.join('---' for _ in names)} |"
    for row in rows:
        yield f"| {' | '.join(escaped(row.get(name)) for name in names)} |"
    yield ""


def _is_nested(value: Any) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value)


def _label(name: str) -> str:
    return escaped(name.replace("_", " ").capitalize())


def _flat(part: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in part.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _cell(value: Any) -> str:
    """A cell; text that a spreadsheet would run is quoted with an apostrophe before it."""
    text = visible(_plain(value))
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
