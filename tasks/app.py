"""The Celery app: configuration from the policy table; connects to nothing when made."""

from __future__ import annotations

from celery import Celery
from kombu import Exchange, Queue

from broker.channel import install_channel
from broker.message import ACCEPTED_CONTENT
from config.policy import ACKS_LATE, ALL_QUEUES
from config.settings import Settings
from tasks.schedule import SCHEDULER, beat_schedule


def create_celery(settings: Settings) -> Celery:
    """A Celery app on our Redis channel, without tasks yet (:func:`tasks.stages.register`)."""
    install_channel()
    app = Celery("sluice", broker=settings.redis_url.reveal(), set_as_current=False)
    direct = Exchange("", type="direct")
    app.conf.update(
        task_queues=[Queue(name, direct, routing_key=name) for name in ALL_QUEUES],
        task_default_queue="unrouted",
        task_default_exchange="",
        task_default_routing_key="unrouted",
        accept_content=sorted(ACCEPTED_CONTENT),
        task_serializer="json",
        # A message is answered after its work. What failed without our handling it is parked, and
        # what a lost or hung child held is delivered again: Celery would delete both.
        task_acks_late=ACKS_LATE,
        task_acks_on_failure=False,
        task_acks_on_timeout=False,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # What ``--pool prefork`` means.
        worker_pool="tasks.pool:TaskPool",
        # A second message would wait behind the one in work while other workers idle.
        worker_prefetch_multiplier=1,
        # Flower turns task events on while it runs; without it nobody pays for them.
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        beat_schedule=beat_schedule(),
        beat_scheduler=SCHEDULER,
        beat_max_loop_interval=5,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "lease_seconds": settings.lease_seconds,
            "socket_keepalive": True,
            "fanout_prefix": True,
            "fanout_patterns": True,
        },
    )
    return app
