// The page: loads the module and a model, and joins form, verdict, contributions and files.

import { BatchPanel } from './batch.js';
import { showCard } from './card.js';
import { ContributionsPanel } from './contributions.js';
import { byId, element } from './element.js';
import { randomRow, rowLike, typicalRow } from './examples.js';
import { RowForm } from './form.js';
import { fetchArtifact, LoadedModel, loadModule, NEGATIVE, POSITIVE } from './model.js';
import { checkGolden, fetchEnvelope, kindOf, Trust } from './release.js';
import { Tabs } from './tabs.js';
import { TokenNeeded, TokenPrompt } from './token.js';
import { VerdictPanel } from './verdict.js';

const tabs = new Tabs(document.querySelector('[role=tablist]'));
const trust = new Trust();
const tokenPrompt = new TokenPrompt(openServedAloud);
/** What is open, once a model is. */
let open = null;

function notice(words) {
  const node = byId('notice');
  node.textContent = words;
  node.hidden = words === '';
}

/**
 * Opens an artifact; one that cannot be read or is not what trusted keys signed leaves the open model as it is. Without
 * trusted keys any artifact is opened. With them only what they signed: else taking the signature away would do.
 */
async function openModel(artifact, envelope) {
  if (!trust.hasKeys) {
    show(new LoadedModel(artifact));
    showTrust(envelope ? 'signed, not verified' : 'not signed', envelope
      ? 'Choose the keys that you trust, and it is verified.'
      : 'Nobody has signed this model, or its release was not opened with it.');
    return;
  }
  if (!envelope) {
    throw new Error('it has no signed release, and this page trusts only what is signed. Open model.picket together with release.dsse.json, or forget the keys.');
  }
  const release = await trust.verify(envelope, artifact);
  const model = new LoadedModel(artifact);
  try {
    checkGolden(model, release);
  } catch (error) {
    model.free();
    throw error;
  }
  show(model);
  const until = new Date(release.expires * 1000).toISOString().slice(0, 10);
  showTrust(`release ${release.release}, verified`,
    `Signed by ${release.signers.length} of ${release.n_keys} trusted keys (${release.threshold} needed), valid until ${until}: ${release.signers.join(', ')}`);
}

function showTrust(words, title) {
  const node = byId('model-trust');
  node.textContent = words;
  node.title = title;
  node.dataset.verified = words.endsWith(', verified');
  byId('forget-keys').hidden = !trust.hasKeys;
}

function show(model) {
  open?.model.free();
  const { card, digest, schema } = model.description;
  byId('model-name').textContent = card.name;
  const shown = byId('model-digest');
  shown.textContent = digest.replace(/^sha256:/, '').slice(0, 12);
  shown.title = digest;
  document.title = `${card.name} \u2013 Picket`;
  const verdictPanel = new VerdictPanel(model);
  const form = new RowForm(model, (row, wrong) => {
    if (row === null) {
      verdictPanel.showIncomplete(wrong);
      contributionsPanel.show(null);
      return;
    }
    const [, score, verdict] = model.score(row);
    const explanation = model.explain(row);
    verdictPanel.show({ score, verdict }, explanation);
    contributionsPanel.show(explanation);
  });
  const contributionsPanel = new ContributionsPanel(model, form);
  const batch = new BatchPanel(model, (row) => {
    form.setRow(row);
    tabs.select('tab-row');
    byId('tab-row').focus();
  });
  showExamples(model, form, schema.label);
  showCard(model);
  form.setRow(typicalRow(model));
  byId('workspace').hidden = false;
  tokenPrompt.done();
  open = { model, batch };
}

function showExamples(model, form, { positive, negative }) {
  const example = (words, makeRow) => element('button', {
    type: 'button', class: 'button quiet', onclick: () => form.setRow(makeRow()),
  }, words);
  byId('examples').replaceChildren(
    element('span', { class: 'examples-words', 'aria-hidden': 'true' }, 'Try'),
    example('typical', () => typicalRow(model)),
    example(`${positive.name}-like`, () => rowLike(model, POSITIVE)),
    example(`${negative.name}-like`, () => rowLike(model, NEGATIVE)),
    example('random', () => randomRow(model)));
}

const bytesOf = async (file) => new Uint8Array(await file.arrayBuffer());

/** Opens files that belong together: a model, its signed release, the keys to trust. */
async function openFiles(files) {
  const named = Object.fromEntries([...files].map((file) => [kindOf(file.name), file]));
  const name = (named.artifact ?? named.envelope ?? named.keys)?.name ?? files[0]?.name;
  try {
    if (named.keys) await trust.useKeys(await bytesOf(named.keys));
    if (named.artifact) {
      const envelope = named.envelope ? await bytesOf(named.envelope) : null;
      await openModel(await bytesOf(named.artifact), envelope);
    } else if (named.keys) {
      await openServed();
    } else {
      throw new Error('found no .picket file; expected one, alone or with its release.dsse.json');
    }
    notice('');
  } catch (error) {
    if (error instanceof TokenNeeded) tokenPrompt.ask(error);
    else notice(`${name}: ${error.message}`);
  }
  byId('forget-keys').hidden = !trust.hasKeys;
}

/** Opens the model beside the page. Model and release are two files: where a new release came between them, once more. */
async function openServed(tries = 2) {
  const served = await fetchArtifact();
  if (!served) return false;
  const envelope = served.isReleased || trust.hasKeys ? await fetchEnvelope() : null;
  try {
    await openModel(served.artifact, envelope);
  } catch (error) {
    if (tries <= 1 || !envelope || error instanceof TokenNeeded) throw error;
    return openServed(tries - 1);
  }
  return true;
}

/** The same, and says how it ended. */
async function openServedAloud() {
  const asked = !byId('token').hidden;
  try {
    notice('');
    if (await openServed()) {
      // The field that had the focus is gone.
      if (asked) byId('main').focus();
      return;
    }
    byId('model-name').textContent = 'No model';
    notice('There is no model.picket beside this page. Open one, or drop it here.');
  } catch (error) {
    if (!open) byId('model-name').textContent = 'No model';
    if (error instanceof TokenNeeded) tokenPrompt.ask(error);
    else notice(`The model could not be loaded: ${error.message}`);
  }
}

/** Dropped models, releases and keys are opened, any other file is taken for rows. */
function onDrop(event) {
  event.preventDefault();
  document.body.classList.remove('dragging');
  const files = event.dataTransfer?.files ?? [];
  if (files.length === 0) return;
  if (kindOf(files[0].name) !== 'rows') openFiles(files);
  else if (open) {
    tabs.select('tab-batch');
    open.batch.score(files[0]);
  } else notice('Open a model first: drop a .picket file.');
}

function listen() {
  for (const input of [byId('model-file'), byId('keys-file')]) {
    input.onchange = async () => {
      if (input.files.length > 0) await openFiles(input.files);
      input.value = '';
    };
  }
  byId('forget-keys').onclick = () => {
    trust.forget();
    showTrust('', '');
    byId('model-file').focus();
    notice('The keys are forgotten: models are opened without a look at who signed them.');
  };
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.body.classList.remove('dragging');
  });
  document.addEventListener('drop', onDrop);
}

async function start() {
  listen();
  try {
    await loadModule();
    await openServedAloud();
  } catch (error) {
    byId('model-name').textContent = 'No model';
    notice(`The model could not be loaded: ${error.message}`);
  }
  byId('forget-keys').hidden = !trust.hasKeys;
  document.documentElement.dataset.ready = 'true';
}

start();
