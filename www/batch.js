// Many rows: a CSV file in, a summary, a histogram, a table and a download out.

import { BatchTable } from './batch_table.js';
import { byId, element } from './element.js';
import { histogramFigure } from './histogram.js';
import { NEGATIVE, POSITIVE, UNCERTAIN } from './model.js';
import { countText, percentText } from './number_text.js';
import { ScoredFile } from './scored_file.js';

/** How many errors the table lists. */
const LISTED_ERRORS = 100;
/** Files are read as a whole: past this the tab may run out of memory. */
const MAX_BYTES = 512e6;

/** The panel for files. `onOpen` gets a row to explain. */
export class BatchPanel {
  #model;
  #onOpen;
  #status = element('p', { id: 'batch-status', role: 'status', class: 'batch-status' });
  #result = element('div', { id: 'batch-result' });
  #download = null;

  constructor(model, onOpen) {
    this.#model = model;
    this.#onOpen = onOpen;
    const input = element('input', {
      type: 'file', id: 'csv-file', accept: '.csv,text/csv', class: 'file-input',
      onchange: () => {
        if (input.files[0]) this.score(input.files[0]);
        // The same file may be chosen again after it was changed.
        input.value = '';
      },
    });
    const { label } = model.description.schema;
    byId('panel-batch').replaceChildren(
      element('h1', { class: 'unseen' }, 'Many rows'),
      element('div', { class: 'drop', id: 'drop' },
        element('p', { class: 'drop-words' }, 'Drop a CSV file here, or'),
        element('p', {}, input, element('label', { for: 'csv-file', class: 'button' }, 'Choose a file')),
        element('p', { class: 'drop-hint' },
          `A header and the model\u2019s ${countText(model.features.length)} columns, in any order. Other columns, such as an id or \u201c${label.name}\u201d, are kept.`)),
      this.#status,
      this.#result);
  }

  /** Scores a file and shows what came out. */
  async score(file) {
    this.#result.replaceChildren();
    this.#forgetDownload();
    try {
      if (file.size > MAX_BYTES) throw new Error(`${file.name} is larger than 512 MB; score it with the command line`);
      this.#say(`Reading ${file.name}\u2026`);
      const bytes = new Uint8Array(await file.arrayBuffer());
      const scored = await ScoredFile.of(this.#model, file.name, bytes,
        (share) => this.#say(`Scoring ${file.name}: ${Math.round(share * 100)} %`));
      this.#show(scored);
    } catch (error) {
      this.#say(`${file.name}: ${error.message}`, true);
    }
  }

  #say(words, wrong = false) {
    this.#status.textContent = words;
    this.#status.classList.toggle('wrong', wrong);
  }

  #show(file) {
    const wrong = file.wrongRowCount;
    this.#say(`${file.name}: ${countText(file.rowCount)} rows scored${wrong > 0 ? `, ${countText(wrong)} with errors` : ''}.`);
    const parts = [this.#summary(file)];
    if (file.errorCount > 0) parts.push(errorTable(file));
    if (file.rowCount > 0) parts.push(new BatchTable(file, this.#onOpen).node);
    this.#result.replaceChildren(...parts);
  }

  #summary(file) {
    const { description } = this.#model;
    const positive = description.schema.label.positive.name;
    const share = (n) => (file.rowCount > 0 ? percentText(n / file.rowCount) : '');
    const tile = (id, look, name, n) => element('div', { class: `tile ${look}` },
      element('dt', {}, name),
      element('dd', {}, element('span', { class: 'tile-count', id: `count-${id}` }, countText(n)), element('span', { class: 'tile-share' }, share(n))));
    const tiles = [
      tile('positive', 'positive', positive, file.count(POSITIVE)),
      ...(description.decision.uncertain ? [tile('uncertain', 'uncertain', 'uncertain', file.count(UNCERTAIN))] : []),
      tile('negative', 'negative', description.schema.label.negative.name, file.count(NEGATIVE)),
      element('div', { class: 'tile' }, element('dt', {}, 'rows with errors'),
        element('dd', {}, element('span', { class: 'tile-count', id: 'count-errors' }, countText(file.wrongRowCount)))),
    ];
    this.#download = URL.createObjectURL(file.download());
    const name = file.name.replace(/(\.csv)?$/i, '-scored.csv');
    return element('section', { class: 'card', 'aria-labelledby': 'summary-title' },
      element('div', { class: 'card-head' },
        element('h2', { id: 'summary-title' }, 'Summary'),
        element('a', { class: 'button', id: 'download', href: this.#download, download: name }, 'Download with scores')),
      element('dl', { class: 'tiles' }, tiles),
      file.rowCount > 0 ? histogramFigure(file.scores, description.decision, positive) : null);
  }

  #forgetDownload() {
    if (this.#download) URL.revokeObjectURL(this.#download);
    this.#download = null;
  }
}

function errorTable(file) {
  const listed = file.errors.slice(0, LISTED_ERRORS);
  const more = file.errorCount - listed.length;
  return element('section', { class: 'card', 'aria-labelledby': 'errors-title' },
    element('h2', { id: 'errors-title' }, 'Errors'),
    element('div', { class: 'table-box', tabindex: 0, role: 'region', 'aria-labelledby': 'errors-title' },
      element('table', { id: 'row-errors' },
        element('thead', {}, element('tr', {},
          element('th', { scope: 'col', class: 'number' }, 'Row'), element('th', { scope: 'col', class: 'number' }, 'Line'),
          ...['Column', 'Found', 'Expected'].map((name) => element('th', { scope: 'col' }, name)))),
        element('tbody', {}, listed.map((error) => element('tr', {},
          element('td', { class: 'number' }, countText(error.record + 1)),
          element('td', { class: 'number' }, countText(error.line)),
          element('td', {}, error.column),
          element('td', {}, error.found === null ? 'nothing' : error.found),
          element('td', {}, error.expected)))))),
    more > 0 ? element('p', { class: 'more' }, `and ${countText(more)} more`) : null);
}
