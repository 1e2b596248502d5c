// Answers requests on standard input, as driver.h describes them.

import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** `engine`: version, gives, modes, async time(mode, milliseconds), async output(mode) → Float64Array. */
export async function serve(engine) {
  const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  say({ version: engine.version, gives: engine.gives, modes: engine.modes });
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, mode, rest] = line.split(" ");
    if (verb === "check") {
      const output = await engine.output(mode);
      writeFileSync(rest, new Uint8Array(output.buffer, output.byteOffset, output.byteLength));
      say({ n: output.length });
    } else {
      say({ ns: await engine.time(mode, Number(rest)) });
    }
  }
}
