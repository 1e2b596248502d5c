// The table of a scored file: a page of rows at a time, by verdict, in file order or by score.

import { element } from './element.js';
import { NEGATIVE, POSITIVE, UNCERTAIN } from './model.js';
import { countText, percentText } from './number_text.js';
import { LOOKS } from './verdict.js';

/** Rows added to the table at a time. */
const PAGE_ROWS = 50;

/** The table. `onOpen` gets the row to look at more closely. */
export class BatchTable {
  #file;
  #onOpen;
  #columns;
  #body = element('tbody');
  #more = element('p', { class: 'more' });
  #rows = [];
  #shown = 0;
  #verdict = null;
  #byScore = false;

  constructor(file, onOpen) {
    this.#file = file;
    this.#onOpen = onOpen;
    const header = file.text.header();
    this.#columns = header.length;
    const names = header.map((name) => element('th', { scope: 'col' }, name.trim()));
    this.node = element('section', { class: 'card', 'aria-labelledby': 'table-title' },
      element('div', { class: 'card-head' },
        element('h2', { id: 'table-title' }, 'Rows'),
        this.#choices()),
      element('div', { class: 'table-box', tabindex: 0, role: 'region', 'aria-labelledby': 'table-title' },
        element('table', { id: 'scored-rows' },
          element('thead', {}, element('tr', {},
            element('th', { scope: 'col', class: 'number' }, 'Row'),
            element('th', { scope: 'col' }, 'Verdict'),
            element('th', { scope: 'col', class: 'number' }, 'Score'),
            element('th', { scope: 'col' }, element('span', { class: 'unseen' }, 'Look closer')),
            names)),
          this.#body)),
      this.#more);
    this.#restart();
  }

  #choices() {
    const options = [['', 'All verdicts'], ...[POSITIVE, UNCERTAIN, NEGATIVE].map((code) => [String(code), this.#file.model.verdictName(code)])];
    return element('div', { class: 'choices' },
      element('label', { for: 'table-verdict' }, 'Show'),
      element('select', {
        id: 'table-verdict',
        onchange: (event) => {
          this.#verdict = event.target.value === '' ? null : Number(event.target.value);
          this.#restart();
        },
      }, options.map(([value, text]) => element('option', { value }, text))),
      element('label', { for: 'table-order' }, 'Order'),
      element('select', {
        id: 'table-order',
        onchange: (event) => {
          this.#byScore = event.target.value === 'score';
          this.#restart();
        },
      }, element('option', { value: 'file' }, 'as in the file'), element('option', { value: 'score' }, 'highest score first')));
  }

  #restart() {
    this.#rows = this.#file.select(this.#verdict, this.#byScore);
    this.#shown = 0;
    this.#body.replaceChildren();
    this.#grow();
  }

  #grow() {
    const next = this.#rows.slice(this.#shown, this.#shown + PAGE_ROWS);
    this.#body.append(...next.map((row) => this.#line(row)));
    this.#shown += next.length;
    const left = this.#rows.length - this.#shown;
    this.#more.replaceChildren(
      element('span', {}, `${countText(this.#shown)} of ${countText(this.#rows.length)} rows`),
      ...(left > 0 ? [element('button', { type: 'button', class: 'link', onclick: () => this.#grow() }, `Show ${Math.min(left, PAGE_ROWS)} more`)] : []));
  }

  #line(row) {
    const file = this.#file;
    const verdict = file.verdicts[row];
    const look = LOOKS[verdict];
    const record = file.recordIndexes[row];
    const fields = file.text.record(record).slice(0, this.#columns);
    return element('tr', {},
      element('td', { class: 'number' }, countText(record + 1)),
      element('td', {}, element('span', { class: `chip ${look.name}` },
        element('span', { class: 'sign', 'aria-hidden': 'true' }, look.sign), file.model.verdictName(verdict))),
      element('td', { class: 'number' }, percentText(file.scores[row])),
      element('td', {}, element('button', {
        type: 'button', class: 'link', 'aria-label': `Explain row ${record + 1}`, onclick: () => this.#onOpen(file.row(row)),
      }, 'Explain')),
      fields.map((field) => element('td', {}, field)));
  }
}
