// A shop in Node that reports with Sentry's SDK. Arguments: DSN, mark.
// Prints the id that the SDK gave its crash, and that of the trace in which it was.
"use strict";
const Sentry = require("@sentry/node");

const [dsn, mark] = process.argv.slice(2);
Sentry.init({
  dsn,
  release: `shop-${mark}@7.1.0`,
  environment: "production",
  serverName: "till-3",
  tracesSampleRate: 1,
  enableLogs: true,
});

class OrderRefused extends Error {
  name = "OrderRefused";
}

function charge(number) {
  throw new OrderRefused(`basket ${number} refused ${mark}`);
}

Sentry.setUser({ id: "ann", email: "ann@shop.test" });
Sentry.setTag("team", "shop");
Sentry.startSpan({ name: "POST /orders", op: "http.server" }, (span) => {
  Sentry.startSpan({ name: "INSERT orders", op: "db.query" }, () => {});
  Sentry.addBreadcrumb({ category: "cart", message: "3 lines" });
  Sentry.logger.warn(Sentry.logger.fmt`cart of ${mark} has ${3} lines`);
  Sentry.withScope((scope) => {
    scope.setExtra("order", 17);
    scope.addAttachment({ filename: "order.log", data: "line one\nline two\n" });
    try {
      charge(17);
    } catch (error) {
      console.log(Sentry.captureException(error));
    }
  });
  console.log(span.spanContext().traceId);
});
Sentry.endSession();
Sentry.close(10000);
