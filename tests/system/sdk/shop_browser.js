// A page whose script fails, reporting with raygun4js in jsdom: node shop_browser.js KEY URL MARK.
"use strict";
const fs = require("fs");
const path = require("path");
const { JSDOM, VirtualConsole } = require("jsdom");

const [key, url, mark] = process.argv.slice(2);
const library = path.join(
  path.dirname(require.resolve("raygun4js/package.json")), "dist", "raygun.vanilla.js");
const page = new JSDOM("<!doctype html><title>Shop</title>", {
  url: "http://shop.example.test:3000/cart",
  runScripts: "dangerously",
  pretendToBeVisual: true,
  virtualConsole: new VirtualConsole(),
});
const { window } = page;

window.eval(fs.readFileSync(library, "utf8"));
const answered = [];
const open = window.XMLHttpRequest.prototype.open;
window.XMLHttpRequest.prototype.open = function (method, address, ...more) {
  this.addEventListener("loadend", () => answered.push([address.split("?")[0], this.status]));
  return open.call(this, method, address, ...more);
};
window.reportTo = { key, url, mark };
window.eval(`
  Raygun.init(reportTo.key, { apiUrl: reportTo.url, allowInsecureSubmissions: true,
    ignore3rdPartyErrors: false }).attach();
  Raygun.setVersion("4.2.0");
  Raygun.setUser("cid", false, "cid@shop.test", "Cid Shopper");
  function ProductMissing(message) { this.name = "ProductMissing"; this.message = message;
    this.stack = new Error(message).stack; }
  ProductMissing.prototype = Object.create(Error.prototype);
  function find(id) { throw new ProductMissing("parcel " + id + " vanished " + reportTo.mark); }
  try { find(19); } catch (error) { Raygun.send(error, { order: 19 }, ["js", "shop"]); }
`);

const deadline = Date.now() + 20000;
const waiting = setInterval(() => {
  const done = answered.find(([address]) => address.endsWith("/entries"));
  if (!done && Date.now() < deadline) return;
  clearInterval(waiting);
  console.log(done ? done[1] : `no answer: ${JSON.stringify(answered)}`);
  window.close();
}, 50);
