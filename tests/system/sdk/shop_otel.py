"""A shop that traces, measures and logs with OpenTelemetry. Arguments: key, address, mark."""

import logging
import sys
import time

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

key, web, mark = sys.argv[1:]
headers = {"x-api-key": key}
resource = Resource.create(
    {"service.name": f"shop-{mark}", "service.version": "7.1.0", "host.name": "till-3"}
)

spans = TracerProvider(resource=resource)
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{web}/v1/traces", headers=headers)))
trace.set_tracer_provider(spans)

exporter = OTLPMetricExporter(f"{web}/v1/metrics", headers=headers)
measured = MeterProvider([PeriodicExportingMetricReader(exporter, 60_000)], resource)
metrics.set_meter_provider(measured)

logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(
    BatchLogRecordProcessor(OTLPLogExporter(f"{web}/v1/logs", headers=headers))
)
set_logger_provider(logs)
logging.getLogger().addHandler(LoggingHandler(logger_provider=logs))


class OrderRefused(Exception):
    """What goes wrong in this shop."""


def charge(number):
    raise OrderRefused(f"order {number} refused {mark}")


orders = metrics.get_meter("shop").create_counter("orders.placed")
took = metrics.get_meter("shop").create_histogram("checkout.duration", unit="ms")
tracer = trace.get_tracer("shop")
with tracer.start_as_current_span("POST /orders", kind=trace.SpanKind.SERVER) as span:
    print(format(span.get_span_context().trace_id, "032x"))
    logging.warning("cart of %s has 3 lines", mark)
    with tracer.start_as_current_span("INSERT orders", attributes={"db.system.name": "sqlite"}):
        time.sleep(0.01)
    for number in range(4):
        orders.add(1, {"region": "eu"})
        took.record(10 * number)
    try:
        charge(17)
    except OrderRefused as error:
        span.record_exception(error)
        span.set_status(trace.StatusCode.ERROR)

for provider in (spans, measured, logs):
    provider.force_flush()
    provider.shutdown()
