"""A dry run's lines, of a process that ended, died or was too slow."""

from __future__ import annotations

import orjson

from workbench.dry_run import STEPS, read_lines


def lines(*documents: object) -> bytes:
    return b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in documents)


def passed(step: str, **more: object) -> dict[str, object]:
    return {"step": step, "outcome": "passed", **more}


def test_every_step_passed() -> None:
    out = lines(*(passed(name) for name in STEPS), {"record": {"class_name": "KeyError"}})
    found = read_lines(out, None)
    assert found.would_pass
    assert [step.step for step in found.steps] == list(STEPS)
    assert found.record == {"class_name": "KeyError"}


def test_steps_after_a_failure_were_not_tried() -> None:
    failed = {"step": "redact", "outcome": "failed", "why": "no", "traceback": "at line 1"}
    found = read_lines(lines(passed("payload"), failed), None)
    assert not found.would_pass
    outcomes = [step.outcome for step in found.steps]
    assert outcomes == ["passed", "failed", *["skipped"] * (len(STEPS) - 2)]


def test_a_death_is_the_failure_of_the_step_it_was_in() -> None:
    out = lines(passed("payload"), {"begin": "normalise"}) + b'{"step": "norm'
    found = read_lines(out, "its process was ended by signal 9")
    [step] = [step for step in found.steps if step.outcome == "failed"]
    assert step.step == "normalise"
    assert "signal 9" in str(step.why)


def test_a_death_before_the_first_step() -> None:
    found = read_lines(b"Killed\n[1]\n", "its process ended: 1")
    assert found.steps[0].outcome == "failed"
    assert not found.would_pass


def test_a_store_that_is_away_says_nothing_against_the_event() -> None:
    away = {"step": "search", "outcome": "unknown", "why": "the search store is away"}
    out = lines(*(passed(name) for name in STEPS[:-1]), away)
    assert read_lines(out, None).would_pass
