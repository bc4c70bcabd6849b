// A shop whose order handling fails, reporting with raygun: node shop_node.js KEY HOST PORT MARK.
"use strict";
const raygun = require("raygun");

const [key, host, port, mark] = process.argv.slice(2);

class StockMissing extends Error {
  constructor(message) {
    super(message);
    this.name = "StockMissing";
  }
}

function reserve(order) {
  throw new StockMissing(`order ${order} has no stock ${mark}`);
}

async function main() {
  const client = new raygun.Client().init({ apiKey: key, host, port: Number(port), useSSL: false });
  client.setVersion("4.2.0");
  client.user = () => ({ identifier: "bob", email: "bob@shop.test" });
  try {
    reserve(18);
  } catch (error) {
    const answer = await client.send(error, {
      customData: { order: 18 },
      tags: ["node", "shop"],
    });
    console.log(answer.statusCode);
  }
}

main();
