"""Letters of one cause share a cluster, those of two do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.cluster import cluster_of, frames_of, normalised

TRACEBACK = """Traceback (most recent call last):
  File "/srv/a/releases/{release}/tasks/store_sql.py", line {line}, in process
    store(events)
  File "/srv/a/releases/{release}/storage/sql/packs.py", line {line}, in store
    raise Rejected(STORE, detail)
storage.errors.Rejected: sql: value {value} is too long
"""


def traceback(release="r1", line=7, value="'x'"):
    return TRACEBACK.format(release=release, line=line, value=value)


def test_lines_paths_and_values_do_not_part_letters_of_one_cause():
    keys = {
        cluster_of("sql", "Rejected", f"sql: value {value} is too long", traceback(*place, value))
        for value in ("'ann'", "'bob smith'", '"x"')
        for place in (("r1", 7), ("r2", 9), ("deeper/r3", 11))
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    "other",
    [
        ("search", "Rejected", "too long", ""),
        ("sql", "Malformed", "too long", ""),
        ("sql", "Rejected", "too short", ""),
        ("sql", "Rejected", "too long", 'File "/a/groups.py", line 3, in grow'),
    ],
)
def test_stage_code_reason_and_frames_part_letters(other):
    assert cluster_of(*other) != cluster_of("sql", "Rejected", "too long", "")


@pytest.mark.parametrize(
    ("reason", "shape"),
    [
        ("event 01a20766-3955-728e-add6-2de279153822 is bad", "event # is bad"),
        ("at 0x7f1abea7ec00, byte 17", "at #, byte #"),
        ("field [age] of type [long]: 'abc'", "field [age] of type [long]: …"),
        ("checksum 00ab34cd99ef00ab is not 12.5", "checksum # is not #"),
        ("a  b\n c", "a b c"),
        ("facade", "facade"),
    ],
)
def test_what_varies_is_taken_out(reason, shape):
    assert normalised(reason) == shape


def test_only_the_innermost_frames_count():
    deep = "".join(f'  File "/a/m.py", line {n}, in f{n}\n' for n in range(900))
    assert frames_of(deep) == [f"m.py:f{n}" for n in range(880, 900)]


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_has_a_cluster(stage, code, reason, trace):
    key = cluster_of(stage, code, reason, trace)
    assert len(key) == 16
    assert key == cluster_of(stage, code, reason, trace)
