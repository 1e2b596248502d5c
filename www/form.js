// The form: one field a feature, made from the schema inside the model.

import { byId } from './element.js';
import { textOf } from './domain.js';
import { Field } from './field.js';

/** The form of a model. `onRow` gets the row, or `null` and how many fields are wrong. */
export class RowForm {
  #model;
  #fields;
  #onRow;

  constructor(model, onRow) {
    this.#model = model;
    this.#onRow = onRow;
    this.#fields = model.features.map((feature, featureIdx) => new Field(feature, featureIdx, () => this.#read()));
    const form = byId('row-form');
    form.onsubmit = (event) => event.preventDefault();
    form.replaceChildren(...this.#fields.map((field) => field.node));
    const find = byId('find-field');
    find.value = '';
    find.oninput = () => this.#find(find.value);
    this.#find('');
  }

  /** Fills the form in with a row. */
  setRow(row) {
    this.#fields.forEach((field, featureIdx) => {
      const encode = (text) => this.#model.encode(featureIdx, text);
      field.text = textOf(this.#model.features[featureIdx], row[featureIdx], encode);
    });
    this.#read();
  }

  /** What a field says, for people. */
  text(featureIdx) {
    return this.#fields[featureIdx].text;
  }

  /** Moves the keyboard to a field, shown even where a search hides it. */
  focus(featureIdx) {
    const find = byId('find-field');
    if (this.#fields[featureIdx].node.hidden) {
      find.value = '';
      this.#find('');
    }
    this.#fields[featureIdx].node.scrollIntoView({ block: 'center' });
    this.#fields[featureIdx].focus();
  }

  #read() {
    const row = new Float32Array(this.#fields.length);
    let wrong = 0;
    this.#fields.forEach((field, featureIdx) => {
      try {
        row[featureIdx] = this.#model.encode(featureIdx, field.text);
        field.showError(null);
      } catch (error) {
        if (error.expected === undefined) throw error;
        wrong += 1;
        const found = error.found === undefined ? 'needs a value' : `found \u201c${error.found}\u201d`;
        field.showError(`${found}; expected ${error.expected}`);
      }
    });
    this.#onRow(wrong === 0 ? row : null, wrong);
  }

  #find(words) {
    const wanted = words.trim().toLowerCase();
    let shown = 0;
    for (const { node, feature } of this.#fields) {
      const hay = `${feature.name} ${feature.description}`.toLowerCase();
      node.hidden = !hay.includes(wanted);
      shown += node.hidden ? 0 : 1;
    }
    const all = this.#fields.length;
    byId('find-count').textContent = wanted === '' ? `${all} fields` : `${shown} of ${all} fields`;
  }
}
