// Times Picket and the peers that run in node:
//   node node.mjs picket MODULE ARTIFACT ROWS
//   node node.mjs onnxruntime-web|ydf MODEL ROWS N_FEATURES NODE_FOLDER

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { start, time } from "./picket.mjs";
import { serve } from "./requests.mjs";

const bytesOf = (path) => new Uint8Array(readFileSync(path));

async function picket([module, artifact, rows]) {
  const picket = await start(bytesOf(module), bytesOf(artifact), bytesOf(rows));
  return {
    version: `node ${process.version}`,
    gives: "margin+score",
    modes: picket.modes,
    time: (mode, milliseconds) => time(picket.pass, mode, milliseconds),
    output: async (mode) => {
      picket.pass(mode);
      return picket.output(mode);
    },
  };
}

/** What both peers share: rows as floats, passes by mode, and the output that a pass leaves behind. */
function peer(version, gives, passes, result) {
  const pass = (mode) => passes[mode]();
  return {
    version,
    gives,
    modes: Object.keys(passes),
    time: (mode, milliseconds) => time(pass, mode, milliseconds),
    output: async (mode) => {
      await pass(mode);
      return result;
    },
  };
}

const versionOf = (folder, name) =>
  JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"))).version;

const floatsOf = (path) => {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

async function onnxruntimeWeb([path, rowsPath, features, folder]) {
  const load = createRequire(join(folder, "package.json"));
  const ort = load("onnxruntime-web");
  ort.env.wasm.numThreads = 1;
  const [width, rows, model] = [Number(features), floatsOf(rowsPath), bytesOf(path)];
  const n = rows.length / width;
  const result = new Float64Array(n);
  const options = { executionProviders: ["wasm"] };
  const open = () => ort.InferenceSession.create(model, options);
  const session = await open();
  const [name] = session.inputNames;
  const score = async (first, count) => {
    const values = rows.subarray(first * width, (first + count) * width);
    const tensor = new ort.Tensor("float32", values, [count, width]);
    const { probabilities } = await session.run({ [name]: tensor }, ["probabilities"]);
    const numbers = probabilities.data;
    for (let i = 0; i < count; i += 1) result[first + i] = numbers[2 * i + 1];
  };
  const passes = {
    single: async () => {
      for (let row = 0; row < n; row += 1) await score(row, 1);
      return n;
    },
    batch: async () => {
      await score(0, n);
      return n;
    },
    load: async () => {
      await (await open()).release();
      return 1;
    },
  };
  return peer(`onnxruntime-web ${versionOf(folder, "onnxruntime-web")}`, "probability", passes, result);
}

async function ydf([path, rowsPath, features, folder]) {
  const load = createRequire(join(folder, "package.json"));
  const library = await load("ydf-inference")();
  const [width, rows, zip] = [Number(features), floatsOf(rowsPath), readFileSync(path)];
  const n = rows.length / width;
  const open = () => library.loadModelFromZipBlob(zip);
  const model = await open();
  const result = new Float64Array(n);
  // Columns are what it takes; filling them belongs to scoring.
  const score = (first, count) => {
    const columns = {};
    for (let feature = 0; feature < width; feature += 1) {
      const column = new Array(count);
      for (let i = 0; i < count; i += 1) column[i] = rows[(first + i) * width + feature];
      columns[`f${feature}`] = column;
    }
    const scores = model.predict(columns);
    for (let i = 0; i < count; i += 1) result[first + i] = scores[i];
  };
  const passes = {
    single: () => {
      for (let row = 0; row < n; row += 1) score(row, 1);
      return n;
    },
    batch: () => {
      score(0, n);
      return n;
    },
    load: async () => {
      (await open()).unload();
      return 1;
    },
  };
  return peer(`ydf-inference ${versionOf(folder, "ydf-inference")}`, "own", passes, result);
}

const [engine, ...rest] = process.argv.slice(2);
const engines = { picket, "onnxruntime-web": onnxruntimeWeb, ydf };
await serve(await engines[engine](rest));
process.exit(0);
