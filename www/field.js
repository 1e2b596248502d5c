// One field of the form: a label, a control that fits the domain, a place for what is wrong.

import { element } from './element.js';
import { acceptsMissing, controlOf, domainHint, listedTexts } from './domain.js';

/** A field. `onChange` is called when its text changes. */
export class Field {
  #set;
  #get;
  #error;
  #controls;

  constructor(feature, featureIdx, onChange) {
    this.feature = feature;
    this.id = `field-${featureIdx}`;
    this.#error = element('p', { class: 'field-error', id: `${this.id}-error`, hidden: true });
    const kind = controlOf(feature);
    this.node = kind === 'choice' ? this.#choice(onChange) : this.#text(kind, onChange);
    this.node.dataset.featureIdx = featureIdx;
  }

  /** The field's text, as in a CSV file; empty means missing. */
  get text() {
    return this.#get();
  }

  set text(text) {
    this.#set(text);
  }

  /** Shows what is wrong; `null` for nothing. */
  showError(message) {
    this.#error.hidden = message === null;
    this.#error.textContent = message ?? '';
    for (const control of this.#controls) {
      if (message === null) control.removeAttribute('aria-invalid');
      else control.setAttribute('aria-invalid', 'true');
    }
  }

  /** Moves the keyboard here. */
  focus() {
    (this.#controls.find((control) => control.checked) ?? this.#controls[0]).focus();
  }

  #describedBy() {
    const description = this.feature.description ? `${this.id}-description ` : '';
    return `${description}${this.id}-error`;
  }

  #description() {
    const { description } = this.feature;
    return description
      ? element('p', { class: 'field-description', id: `${this.id}-description` }, description)
      : null;
  }

  #choice(onChange) {
    const texts = [...listedTexts(this.feature)];
    if (acceptsMissing(this.feature)) texts.push('');
    const options = texts.map((text, index) => {
      const id = `${this.id}-${index}`;
      const input = element('input', {
        type: 'radio', name: this.id, id, value: text, onchange: onChange,
      });
      const label = text === '' ? 'unknown' : text.replace(/^-/, '\u2212');
      return { input, node: [input, element('label', { for: id, class: text === '' ? 'unknown' : null }, label)] };
    });
    this.#controls = options.map((option) => option.input);
    this.#get = () => this.#controls.find((input) => input.checked)?.value ?? '';
    this.#set = (text) => {
      for (const input of this.#controls) input.checked = input.value === text;
    };
    return element('fieldset', { class: 'field', 'aria-describedby': this.#describedBy() },
      element('legend', {}, this.feature.name),
      element('div', { class: 'field-words' }, this.#description(), this.#error),
      element('div', { class: 'segments' }, options.map((option) => option.node)));
  }

  #text(kind, onChange) {
    const hint = domainHint(this.feature);
    const listed = listedTexts(this.feature);
    const input = element('input', {
      type: 'text',
      id: this.id,
      inputmode: kind === 'number' ? 'decimal' : null,
      list: listed ? `${this.id}-list` : null,
      placeholder: acceptsMissing(this.feature) ? 'unknown' : null,
      spellcheck: 'false',
      title: hint || null,
      'aria-describedby': this.#describedBy(),
      oninput: onChange,
    });
    // A list filters by what is in the box: an entered category would hide all the others.
    if (listed) input.addEventListener('focus', () => input.select());
    this.#controls = [input];
    this.#get = () => input.value;
    this.#set = (text) => { input.value = text; };
    const unit = this.feature.unit ? element('span', { class: 'unit' }, this.feature.unit) : null;
    const list = listed
      ? element('datalist', { id: `${this.id}-list` }, listed.map((text) => element('option', { value: text })))
      : null;
    return element('div', { class: 'field' },
      element('label', { class: 'field-name', for: this.id }, this.feature.name),
      element('div', { class: 'field-words' }, this.#description(), this.#error),
      element('div', { class: `text-control ${kind}` }, input, unit, list));
  }
}
