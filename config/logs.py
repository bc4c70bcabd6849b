"""Structured logs: one JSON object a line on standard output, ids as fields."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure_logs(level: str, process: str) -> None:
    """Send structlog and the standard library's records through one JSON renderer."""

    def name_process(_: object, __: str, event: structlog.typing.EventDict) -> Any:
        event["process"] = process
        return event

    shared: list[structlog.typing.Processor] = [
        name_process,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # They log every request, the first at info, the others at debug with what signs it.
    for name in ("elastic_transport", "urllib3", "botocore"):
        logging.getLogger(name).setLevel(logging.WARNING)
