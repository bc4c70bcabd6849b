// A page that reports with Sentry's SDK in jsdom. Arguments: DSN, mark.
// Prints the id that the SDK gave its crash, and that of the trace in which it was.
"use strict";
const esbuild = require("esbuild");
const { JSDOM, VirtualConsole } = require("jsdom");

const [dsn, mark] = process.argv.slice(2);
const built = esbuild.buildSync({
  stdin: {
    contents: 'import * as Sentry from "@sentry/browser"; window.Sentry = Sentry;',
    resolveDir: __dirname,
  },
  nodePaths: [process.env.NODE_PATH],
  bundle: true,
  write: false,
  format: "iife",
});
const page = new JSDOM("<!doctype html><title>Shop</title>", {
  url: "http://shop.example.test:3000/cart",
  runScripts: "dangerously",
  pretendToBeVisual: true,
  virtualConsole: new VirtualConsole(),
});
const { window } = page;

// jsdom has none of its own; a browser sends these requests as Node does, with its own headers.
Object.assign(window, { fetch, Headers, Request, Response });
window.TextEncoder = class {
  encode(text) {
    return new window.Uint8Array(Buffer.from(text));
  }
};
window.eval(built.outputFiles[0].text);
window.shop = { dsn, mark, print: (line) => console.log(line) };
window.eval(`
  Sentry.init({
    dsn: shop.dsn,
    release: "shop-" + shop.mark + "@7.1.0",
    environment: "production",
    tracesSampleRate: 1,
    enableLogs: true,
  });
  function OrderRefused(message) { this.name = "OrderRefused"; this.message = message;
    this.stack = new Error(message).stack; }
  OrderRefused.prototype = Object.create(Error.prototype);
  function charge(number) { throw new OrderRefused("basket " + number + " refused " + shop.mark); }
  Sentry.setUser({ id: "ann", email: "ann@shop.test" });
  Sentry.setTag("team", "shop");
  Sentry.startSpan({ name: "POST /orders", op: "http.server" }, (span) => {
    Sentry.startSpan({ name: "INSERT orders", op: "db.query" }, () => {});
    Sentry.addBreadcrumb({ category: "cart", message: "3 lines" });
    Sentry.logger.warn("cart of " + shop.mark + " has 3 lines");
    Sentry.withScope((scope) => {
      scope.setExtra("order", 17);
      scope.addAttachment({ filename: "order.log", data: "line one\\nline two\\n" });
      try { charge(17); } catch (error) { shop.print(Sentry.captureException(error)); }
    });
    shop.print(span.spanContext().traceId);
  });
  Sentry.endSession();
`);
window.Sentry.close(10000).then(() => window.close());
