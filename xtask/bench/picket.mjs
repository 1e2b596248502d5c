// Picket's core module of the benches in a JavaScript engine: the same in node and on a page.

const MODES = ["single", "batch", "explain", "load"];

/** Compiles, loads artifact and rows, and gives { pass(mode) → items, output(mode) → Float64Array }. */
export async function start(moduleBytes, artifact, rows) {
  const { instance } = await WebAssembly.instantiate(moduleBytes, {});
  const guest = instance.exports;
  const put = (reserve, bytes, count) => {
    // Reserving may grow the memory, which makes a new buffer of it: reserve first.
    const at = reserve(count) >>> 0;
    new Uint8Array(guest.memory.buffer, at, bytes.length).set(bytes);
  };
  put(guest.reserve_artifact, artifact, artifact.length);
  put(guest.reserve_rows, rows, rows.length / 4);
  if (guest.prepare() !== 1) throw new Error("the module refuses artifact or rows");
  const code = (mode) => {
    const found = MODES.indexOf(mode);
    if (found < 0) throw new Error(`there is no mode ${mode}`);
    return found;
  };
  return {
    modes: MODES,
    pass: (mode) => guest.run(code(mode)),
    output: (mode) => {
      const n = guest.output_len(code(mode));
      return new Float64Array(guest.memory.buffer, guest.output(code(mode)) >>> 0, n).slice();
    },
  };
}

/** Passes until the time is over; nanoseconds per item. */
export async function time(pass, mode, milliseconds) {
  const start = performance.now();
  let items = 0;
  let elapsed;
  do {
    items += await pass(mode);
    elapsed = performance.now() - start;
  } while (elapsed < milliseconds);
  return (elapsed * 1e6) / items;
}
