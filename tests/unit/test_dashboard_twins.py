"""Text twins: as JSON, as Markdown in which nothing is markup, as CSV without formulas."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dashboard.gaps import Gap
from app.dashboard.twins import as_csv, as_json, as_markdown, escaped, fenced


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    count: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inner:
    words: tuple[str, ...] = ("one", "two")
    note: str = "a\nb"


@dataclass(frozen=True, slots=True)
class Sample:
    title: str = "A *title*"
    id: UUID = UUID(int=1)
    rows: tuple[Row, ...] = ()
    inner: Inner = field(default_factory=Inner)
    absent: str | None = None
    gaps: tuple[Gap, ...] = ()


VIEW = Sample(
    rows=(Row("a|b", 1, datetime(2026, 11, 22, 12, tzinfo=UTC)), Row("=SUM(A1)", -2)),
    gaps=(Gap("tags", "Elasticsearch", "it cannot be reached now."),),
)


def test_json_is_the_view() -> None:
    told = orjson.loads(as_json(VIEW))
    assert told["id"] == "00000000-0000-0000-0000-000000000001"
    assert told["rows"][0] == {"name": "a|b", "count": 1, "at": "2026-11-22T12:00:00Z"}
    assert told["absent"] is None


def test_markdown() -> None:
    assert as_markdown(VIEW).splitlines() == [
        r"# A \*title\*",
        "",
        "> Missing: tags. Elasticsearch: it cannot be reached now.",
        "",
        "- **Id**: 00000000-0000-0000-0000-000000000001",
        "",
        "## Rows",
        "",
        "| Name | Count | At |",
        "| --- | --- | --- |",
        r"| a\|b | 1 | 2026-11-22T12:00:00Z |",
        "| =SUM(A1) | -2 |  |",
        "",
        "## Inner",
        "",
        "- **Words**: " + escaped('["one","two"]'),
        "**Note**",
        "",
        "```",
        "a",
        "b",
        "```",
    ]


def test_csv_of_a_table_and_of_a_view() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(VIEW, "rows"))))
    assert [row["name"] for row in rows] == ["a|b", "'=SUM(A1)"]
    assert rows[1]["count"] == "-2"
    whole = {r["name"]: r["value"] for r in csv.DictReader(io.StringIO(as_csv(VIEW, None)))}
    assert whole["inner.note"] == "a\nb"
    assert as_csv(Sample(), "rows") == "\r\n"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula(begin: str) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv(Sample(rows=(Row(f"{begin}cmd|x", 1),)), "rows")))
    assert row["name"].startswith("'")


@given(st.text())
def test_a_fence_holds_whatever_is_in_it(text: str) -> None:
    first, *inside, last = fenced(text).split("\n")
    assert first == last
    assert set(first) == {"`"}
    assert not any(line.strip().startswith(first) for line in inside)


@given(st.text())
def test_escaped_text_is_one_line(text: str) -> None:
    assert "\n" not in escaped(text)
    assert "<" not in escaped(text).replace("\\<", "")
