// Times Picket's core module on a page in Chromium: node chromium.mjs MODULE ARTIFACT ROWS DRIVER BROWSER
// chromedriver is asked by the W3C WebDriver protocol.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "./requests.mjs";

const [module, artifact, rows, driverPath, browser] = process.argv.slice(2);

// One page, and what it fetches. The two headers give the page a finer clock.
const files = {
  "/": ["text/html", "<!doctype html><title>Bench</title><link rel=icon href=data:,>"],
  "/picket.mjs": ["text/javascript", readFileSync(new URL("./picket.mjs", import.meta.url))],
  "/module.wasm": ["application/wasm", readFileSync(module)],
  "/model": ["application/octet-stream", readFileSync(artifact)],
  "/rows": ["application/octet-stream", readFileSync(rows)],
};
const site = createServer((request, response) => {
  const [type, body] = files[request.url] ?? ["text/plain", ""];
  response.writeHead(request.url in files ? 200 : 404, {
    "content-type": type,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
  response.end(body);
});
await new Promise((ready) => site.listen(0, "127.0.0.1", ready));

const profile = mkdtempSync(join(tmpdir(), "picket-bench-"));
const driver = spawn(driverPath, ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
const port = await new Promise((ready, failed) => {
  let said = "";
  driver.on("error", failed);
  driver.on("exit", () => failed(new Error("chromedriver ended")));
  driver.stdout.on("data", (bytes) => {
    said += bytes;
    const found = said.match(/started successfully on port (\d+)/);
    if (found) ready(found[1]);
  });
});

async function command(path, body, method = "POST") {
  const response = await fetch(`http://127.0.0.1:${port}/session${path}`, { method, body: body && JSON.stringify(body) });
  const { value } = await response.json();
  if (value?.error) throw new Error(`${path}: ${value.error}: ${value.message}`);
  return value;
}

const chromeOptions = {
  binary: browser,
  args: [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--user-data-dir=${profile}`,
  ],
};
const capabilities = { browserName: "chrome", "goog:chromeOptions": chromeOptions, timeouts: { script: 300_000 } };
const session = await command("", { capabilities: { alwaysMatch: capabilities } });
const run = (script, ...args) => command(`/${session.sessionId}/execute/sync`, { script, args });
try {
  await command(`/${session.sessionId}/url`, { url: `http://127.0.0.1:${site.address().port}/` });
  const modes = await run(`return (async () => {
    const { start, time } = await import("/picket.mjs");
    const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
    window.time = time;
    window.picket = await start(await bytes("/module.wasm"), await bytes("/model"), await bytes("/rows"));
    return window.picket.modes;
  })()`);
  await serve({
    version: `${session.capabilities.browserName} ${session.capabilities.browserVersion}`,
    gives: "margin+score",
    modes,
    time: (mode, milliseconds) => run("return window.time(window.picket.pass, ...arguments)", mode, milliseconds),
    // Infinity and NaN have no JSON: bytes cross as hexadecimal.
    output: async (mode) => {
      const hex = await run(
        `window.picket.pass(arguments[0]);
        const numbers = window.picket.output(arguments[0]);
        return Array.from(new Uint8Array(numbers.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("")`,
        mode,
      );
      const bytes = Buffer.from(hex, "hex");
      return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    },
  });
} finally {
  await command(`/${session.sessionId}`, undefined, "DELETE").catch(() => {});
  driver.removeAllListeners("exit");
  driver.kill();
  site.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
