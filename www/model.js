// The model: the WebAssembly module and an artifact loaded into it.

import init, { Model } from './pkg/picket.js';
import { fetchBeside } from './token.js';

/** Verdict codes as the module answers them. */
export const NEGATIVE = 0;
export const POSITIVE = 1;
export const UNCERTAIN = 2;

let ready = null;

/** Loads the WebAssembly module, once. */
export function loadModule() {
  ready ??= init({ module_or_path: new URL('./pkg/picket_bg.wasm', import.meta.url) });
  return ready;
}

/** The artifact beside the page, and whether it came in a signed release; `null` where there is none. */
export async function fetchArtifact() {
  const response = await fetchBeside('model.picket', { cache: 'no-cache' });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`model.picket: the server answered ${response.status}`);
  return {
    artifact: new Uint8Array(await response.arrayBuffer()),
    isReleased: response.headers.has('picket-release'),
  };
}

/** A model with its description. */
export class LoadedModel {
  #model;

  /** Throws where the bytes are not an artifact. */
  constructor(bytes) {
    this.#model = new Model(bytes);
    this.description = JSON.parse(this.#model.describe());
    this.features = this.description.schema.features;
  }

  /** The class that a verdict code names. */
  verdictName(code) {
    if (code === UNCERTAIN) return 'uncertain';
    const { positive, negative } = this.description.schema.label;
    return code === POSITIVE ? positive.name : negative.name;
  }

  /** A field's row value; throws an error with `found` and `expected`. */
  encode(featureIdx, text) {
    return this.#model.encodeField(featureIdx, text);
  }

  /** Scores rows, shape (n_rows, n_features): margin, score, verdict code of each. */
  score(rows) {
    return this.#model.score(rows);
  }

  /**
   * Why one row has its score, in the description's `explanation_unit` (log-odds or margin): base and contributions, or
   * in `reason` why there is no explanation.
   */
  explain(row) {
    try {
      const numbers = this.#model.explain(row);
      return { base: numbers[0], contributions: numbers.slice(1, 1 + row.length), reason: null };
    } catch (error) {
      return { base: 0, contributions: null, reason: String(error?.message ?? error) };
    }
  }

  /** Reads a CSV file; throws where its header does not fit. */
  readCsv(bytes) {
    const csv = this.#model.encodeCsv(bytes);
    try {
      return {
        rows: csv.takeRows(),
        recordIndexes: csv.recordIndexes(),
        recordSpans: csv.recordSpans(),
        errors: JSON.parse(csv.errors()),
        errorCount: csv.errorCount,
      };
    } finally {
      csv.free();
    }
  }

  /** Gives the module's memory back. */
  free() {
    this.#model.free();
  }
}
