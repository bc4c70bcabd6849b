"""Quotas in the broker: the copy of them, what counts against them, what was dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from broker import keys
from broker.client import Broker
from broker.connection import connect
from broker.quotas import QuotaCopies
from config.settings import Secret, Settings
from events.envelope import SYSTEM_PROJECT, Envelope
from events.ids import id_ms, new_id, now_ms
from storage.errors import StoreDown
from storage.ledger import split_over
from storage.quotas import MOST, Quota, Used, day_of, month_of

Client = redis.Redis


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with connect(settings.redis_url, timeout=5) as client:
        client.flushdb()
        yield client


@pytest.fixture
def copies(settings: Settings, client: Client) -> QuotaCopies:
    del client
    return QuotaCopies(settings.redis_url, timeout=5)


@pytest.fixture
def broker(settings: Settings, client: Client) -> Broker:
    del client
    return Broker(settings.redis_url, timeout=5)


def envelopes(count: int, project: int = 7, kind: str = "crash", at: int = 0) -> list[Envelope]:
    made = at or now_ms()
    return [Envelope(new_id(made), project, kind, "raygun.entry", b"x") for _ in range(count)]


QUOTAS = {
    (7, "crash"): Quota(day=10, month=100, minute=5),
    (7, "rum"): Quota(minute=1),
    (8, "crash"): Quota(day=0, month=MOST),
}


def test_what_is_imported_uses_none(copies: QuotaCopies, broker: Broker, client: Client) -> None:
    old = envelopes(3, at=now_ms() - 9 * 86_400_000)
    broker.publish("crash", new_id(now_ms()), old, accepted_ms=now_ms())
    assert copies.used([(7, "crash")], now_ms()) == {(7, "crash"): Used()}
    assert list(client.scan_iter(match=keys.used("*"))) == []


def test_quotas_are_kept_whole(copies: QuotaCopies) -> None:
    copies.keep(QUOTAS, now_ms())
    found = copies.read(now_ms())
    assert {key: quota for key, (quota, _) in found.items()} == QUOTAS
    assert {used for _, used in found.values()} == {Used()}
    copies.keep({}, now_ms())
    assert copies.read(now_ms()) == {}


def test_what_is_published_counts_once_against_its_own_quota(
    copies: QuotaCopies, broker: Broker
) -> None:
    copies.keep(QUOTAS, now_ms())
    sent = envelopes(3)
    batch_id = new_id(now_ms())
    broker.publish("crash", batch_id, sent)
    broker.publish("crash", batch_id, sent)
    broker.publish("rum", new_id(now_ms()), envelopes(2, kind="rum"))
    broker.publish("crash", new_id(now_ms()), envelopes(1, SYSTEM_PROJECT))
    at = id_ms(sent[0].id)
    found = copies.read(at)
    assert found[7, "crash"][1] == Used(3, 3, 3)
    assert found[7, "rum"][1].day == 2
    assert found[8, "crash"][1] == Used()
    assert copies.used([(7, "rum"), (9, "crash")], at)[9, "crash"] == Used()
    assert copies.used([], at) == {}


def test_days_and_months_are_those_of_the_ids(copies: QuotaCopies, broker: Broker) -> None:
    end_ms = 1_764_547_200_000  # the midnight in which November 2025 ends
    broker.publish("crash", new_id(now_ms()), envelopes(2, at=end_ms - 1))
    broker.publish("crash", new_id(now_ms()), envelopes(1, at=end_ms))
    key = (7, "crash")
    assert copies.used([key], end_ms - 1)[key] == Used(2, 2, 2)
    assert copies.used([key], end_ms)[key] == Used(1, 1, 1)
    assert copies.used([key], end_ms + 86_400_000)[key] == Used(0, 1, 0)


def test_what_is_dropped_counts_once_and_against_no_quota(
    copies: QuotaCopies, broker: Broker
) -> None:
    now = now_ms()
    minute = now // 60_000
    batch_id = new_id(now)
    dropped = {(minute, 7, "crash"): 4, (minute - 1, 7, "rum"): 1}
    copies.drop(batch_id, dropped)
    copies.drop(batch_id, dropped)
    accepted, over = split_over(broker.accepted(minute - 1, minute))
    assert accepted == over == dropped
    assert broker.totals() == {"over_quota": 5}
    assert copies.used([(7, "crash")], now)[7, "crash"] == Used()


def test_what_was_used_is_forgotten_one_day(
    copies: QuotaCopies, broker: Broker, client: Client
) -> None:
    sent = envelopes(1)
    at = id_ms(sent[0].id)
    broker.publish("crash", new_id(now_ms()), sent)
    copies.keep({}, at)
    for period, days in ((day_of(at), 40), (month_of(at), 400)):
        assert (days - 1) * 86_400 < client.ttl(keys.used(period)) <= days * 86_400


def test_a_broker_that_is_away_is_an_outage() -> None:
    away = QuotaCopies(Secret("redis://127.0.0.1:1/0"), timeout=0.5)
    with pytest.raises(StoreDown):
        away.read(now_ms())
    with pytest.raises(StoreDown):
        away.keep({}, now_ms())
