// The page: loads the module and a model, and joins form, verdict, contributions and files.

import { BatchPanel } from './batch.js';
import { showCard } from './card.js';
import { ContributionsPanel } from './contributions.js';
import { byId, element } from './element.js';
import { randomRow, rowLike, typicalRow } from './examples.js';
import { RowForm } from './form.js';
import { fetchArtifact, LoadedModel, loadModule, NEGATIVE, POSITIVE } from './model.js';
import { Tabs } from './tabs.js';
import { VerdictPanel } from './verdict.js';

const tabs = new Tabs(document.querySelector('[role=tablist]'));
/** What is open, once a model is. */
let open = null;

function notice(words) {
  const node = byId('notice');
  node.textContent = words;
  node.hidden = words === '';
}

/** Opens an artifact; one that cannot be read leaves the open model as it is. */
function openModel(bytes) {
  const model = new LoadedModel(bytes);
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

async function openModelFile(file) {
  try {
    openModel(new Uint8Array(await file.arrayBuffer()));
    notice('');
  } catch (error) {
    notice(`${file.name}: ${error.message}`);
  }
}

/** A dropped model is opened, any other file is taken for rows. */
function onDrop(event) {
  event.preventDefault();
  document.body.classList.remove('dragging');
  const file = event.dataTransfer?.files[0];
  if (!file) return;
  if (file.name.endsWith('.picket')) openModelFile(file);
  else if (open) {
    tabs.select('tab-batch');
    open.batch.score(file);
  } else notice('Open a model first: drop a .picket file.');
}

function listen() {
  const input = byId('model-file');
  input.onchange = () => {
    if (input.files[0]) openModelFile(input.files[0]);
    input.value = '';
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
    const [, artifact] = await Promise.all([loadModule(), fetchArtifact()]);
    if (artifact) openModel(artifact);
    else {
      byId('model-name').textContent = 'No model';
      notice('There is no model.picket beside this page. Open one, or drop it here.');
    }
  } catch (error) {
    byId('model-name').textContent = 'No model';
    notice(`The model could not be loaded: ${error.message}`);
  }
  document.documentElement.dataset.ready = 'true';
}

start();
