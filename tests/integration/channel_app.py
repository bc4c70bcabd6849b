"""A Celery app of one small task on our channel and pool, for tests of workers."""

import os
import time

import redis
from celery import Celery

from broker.channel import install_channel

install_channel()
URL = os.environ["SLUICE_REDIS_URL"]
app = Celery("channel", broker=URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_acks_on_failure=False,
    task_acks_on_timeout=False,
    task_ignore_result=True,
    worker_pool="tasks.pool:TaskPool",
    worker_prefetch_multiplier=4,
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    broker_transport_options={"lease_seconds": 1.0},
)


@app.task(name="note")
def note(number):
    time.sleep(0.002)
    with redis.Redis.from_url(URL) as client:
        client.hincrby("noted", number, 1)


@app.task(name="fail")
def fail():
    raise RuntimeError("this task always fails")


@app.task(name="die")
def die():
    os._exit(9)
