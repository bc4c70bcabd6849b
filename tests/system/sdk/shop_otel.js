// A shop in Node that traces with OpenTelemetry's own SDK. Arguments: key, address, mark.
const { SpanKind, SpanStatusCode, trace } = require("@opentelemetry/api");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { resourceFromAttributes } = require("@opentelemetry/resources");

const [key, web, mark] = process.argv.slice(2);
const exporter = new OTLPTraceExporter({ url: `${web}/v1/traces`, headers: { "x-api-key": key } });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({
    "service.name": `shop-${mark}`,
    "service.version": "7.1.0",
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
  }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
provider.register();

function charge(number) {
  throw new RangeError(`order ${number} refused ${mark}`);
}

const tracer = trace.getTracer("shop");
tracer.startActiveSpan("POST /orders", { kind: SpanKind.SERVER }, (span) => {
  console.log(span.spanContext().traceId);
  tracer.startActiveSpan("INSERT orders", { attributes: { "db.system.name": "sqlite" } }, (inner) =>
    inner.end()
  );
  try {
    charge(17);
  } catch (error) {
    span.recordException(error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
});
provider.shutdown();
