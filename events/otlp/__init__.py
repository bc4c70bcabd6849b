"""The OpenTelemetry protocol (OTLP 1.x): requests opened, split into events, and read.

Protocols of an envelope, each with the body in the encoding that its last word names:
``otlp.traces.proto``, ``otlp.traces.json``, ``otlp.logs.*`` (type ``trace``), ``otlp.metrics.*``
(type ``metric``), and of type ``crash`` ``otlp.exception.proto``, one event of one span, and
``otlp.error.proto``, one log record. The published messages of ``opentelemetry-proto`` decode
either encoding.
"""
