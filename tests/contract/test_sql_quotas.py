"""Quotas in PostgreSQL: set whole, audited, gone with their project."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sql_samples import World, open_world

from config.settings import Settings
from storage.errors import Rejected
from storage.quotas import MOST, Quota
from storage.sql.quotas import Quotas


@pytest.fixture
def world(module_settings: Settings) -> Iterator[World]:
    with open_world(module_settings) as world:
        yield world


@pytest.fixture
def quotas(world: World) -> Quotas:
    return Quotas(world.database)


def of_project(world: World, quotas: Quotas) -> dict[str, Quota]:
    return {
        kind: quota
        for (project, kind), quota in quotas.read().items()
        if project == world.project.id
    }


def test_a_quota_takes_the_place_of_the_one_before(world: World, quotas: Quotas) -> None:
    quotas.set(world.project, "crash", Quota(day=5, month=MOST), "ann")
    quotas.set(world.project, "rum", Quota(day=0), "ann")
    quotas.set(world.project, "crash", Quota(minute=1), "ann")
    assert of_project(world, quotas) == {"crash": Quota(minute=1), "rum": Quota(day=0)}
    quotas.set(world.project, "crash", Quota(), "ann")
    assert of_project(world, quotas) == {"rum": Quota(day=0)}


def test_each_change_is_audited(world: World, quotas: Quotas) -> None:
    quotas.set(world.project, "crash", Quota(day=5), "ann")
    with world.database.transaction() as cursor:
        cursor.execute(
            "SELECT actor, detail FROM audit WHERE action = 'set_quota' AND subject = %s",
            (world.project.name,),
        )
        assert cursor.fetchall() == [
            ("ann", {"type": "crash", "day": 5, "month": None, "minute": None})
        ]


@pytest.mark.parametrize("quota", [Quota(day=-1), Quota(month=MOST + 1), Quota(minute=0)])
def test_a_bound_that_is_none_is_refused(world: World, quotas: Quotas, quota: Quota) -> None:
    with pytest.raises(Rejected):
        quotas.set(world.project, "crash", quota, "ann")
    assert of_project(world, quotas) == {}


def test_an_erased_project_has_none(world: World, quotas: Quotas) -> None:
    quotas.set(world.project, "crash", Quota(day=5), "ann")
    with world.database.transaction() as cursor:
        cursor.execute("UPDATE projects SET erased_at = now() WHERE id = %s", (world.project.id,))
    assert of_project(world, quotas) == {}
