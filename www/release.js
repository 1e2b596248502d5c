// Signed releases: whose signatures this page trusts, and whether a model is what they signed.
//
// The rules are those of every edge (schema/RELEASE.md), in a module that is loaded when there is something to verify.

import { fetchBeside } from './token.js';

const PLACE = 'picket-trust';
let ready = null;

/** Loads the verifier, once. */
function loadVerifier() {
  ready ??= import('./pkg/picket_verifier.js').then(async (verifier) => {
    await verifier.default({ module_or_path: new URL('./pkg/picket_verifier_bg.wasm', import.meta.url) });
    return verifier;
  });
  return ready;
}

/** The keys that are trusted, and what was seen under them; kept from visit to visit where the browser lets us. */
export class Trust {
  #memory = null;

  constructor() {
    try {
      this.#memory = localStorage.getItem(PLACE);
    } catch {
      // Storage may be forbidden: then trust lasts as long as the page is open.
    }
  }

  /** Whether any keys are trusted. */
  get hasKeys() {
    return this.#memory !== null;
  }

  /** Trusts the keys of a file; throws where it holds none. What was seen under other keys is forgotten. */
  async useKeys(bytes) {
    const { trustKeys } = await loadVerifier();
    this.#keep(trustKeys(bytes, this.#memory));
  }

  forget() {
    this.#memory = null;
    try {
      localStorage.removeItem(PLACE);
    } catch {
      // As above.
    }
  }

  /**
   * Verifies an envelope and the artifact in it; throws with the rule that is broken. Gives what was signed, and the
   * golden rows that the scorer has to get right.
   */
  async verify(envelope, artifact) {
    const { Release } = await loadVerifier();
    const release = new Release(this.#memory, envelope, Math.floor(Date.now() / 1000));
    try {
      // The mark first: whatever becomes of the artifact, nothing older comes back.
      this.#keep(release.memory());
      release.checkArtifact(artifact);
      return {
        ...JSON.parse(release.describe()),
        goldenRows: release.goldenRows(),
        goldenMargins: release.goldenMargins(),
      };
    } finally {
      release.free();
    }
  }

  #keep(memory) {
    this.#memory = memory;
    try {
      localStorage.setItem(PLACE, memory);
    } catch {
      // As above.
    }
  }
}

/** The envelope beside the page, or `null` where there is none. */
export async function fetchEnvelope() {
  const response = await fetchBeside('release.dsse.json');
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`release.dsse.json: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Throws where this host's scorer gives a golden row another margin, be it in one bit. */
export function checkGolden(model, { goldenRows, goldenMargins }) {
  const scored = model.score(goldenRows);
  goldenMargins.forEach((expected, row) => {
    const found = scored[3 * row];
    if (!Object.is(found, expected)) {
      throw new Error(`golden row ${row}: found the margin ${found}; expected ${expected}`);
    }
  });
}

/** A file's part in a release, by its name. */
export function kindOf(name) {
  if (name.endsWith('.picket')) return 'artifact';
  if (name.endsWith('.dsse.json')) return 'envelope';
  if (name.endsWith('.json')) return 'keys';
  return 'rows';
}
