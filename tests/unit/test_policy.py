"""The queue policy table holds what workers rely on."""

import pytest

from config.policy import (
    ALL_QUEUES,
    EVENT_TYPES,
    QUEUES,
    STAGES,
    RetryPolicy,
    match_queues,
    queue_name,
)
from config.settings import load_settings
from tasks.app import create_celery
from tasks.stages import register

SETTINGS = load_settings({"SLUICE_REDIS_URL": "redis://127.0.0.1:1/0"})


def registered_tasks():
    app = create_celery(SETTINGS)
    register(app, stores=lambda: pytest.fail("no store is opened to register tasks"))
    return app


def test_every_type_has_a_queue_for_every_stage():
    assert set(QUEUES) == {f"{t.name}.{s.name}" for t in EVENT_TYPES for s in STAGES}


@pytest.mark.parametrize("queue", QUEUES)
def test_each_queue_has_a_task_with_the_limits_of_its_row(queue):
    stage = QUEUES[queue].stage
    task = registered_tasks().tasks[stage.task]
    assert 0 < stage.soft_limit < stage.hard_limit
    assert (task.soft_time_limit, task.time_limit) == (stage.soft_limit, stage.hard_limit)


def test_no_message_is_answered_before_its_work_or_deleted_after_a_failure():
    app = registered_tasks()
    for stage in STAGES:
        task = app.tasks[stage.task]
        assert task.acks_late
        assert task.reject_on_worker_lost
        assert not task.acks_on_failure
        assert not task.acks_on_timeout


def test_the_app_declares_the_queues_of_the_table():
    assert {queue.name for queue in registered_tasks().conf.task_queues} == set(ALL_QUEUES)


def test_delay_grows_to_its_cap_and_never_falls_below_half():
    policy = RetryPolicy(attempts=5, base=1.0, cap=4.0)
    assert [policy.delay(n, random=0.0) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 2.0]
    assert policy.delay(9, random=0.999) < 4.0


def test_globs_name_queues_in_table_order():
    assert match_queues(["*.search", "crash.*"]) == [
        "crash.files",
        "crash.sql",
        "crash.search",
        "rum.search",
        "trace.search",
        "metric.search",
    ]


def test_a_glob_that_names_nothing_is_an_error_that_lists_the_queues():
    with pytest.raises(ValueError, match=r"no queue matches 'crush\.\*'.*crash\.files"):
        match_queues(["crush.*"])


def test_an_unknown_type_has_no_queue():
    with pytest.raises(KeyError):
        queue_name("crush", "files")
