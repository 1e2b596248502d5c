// What each field adds to the log-odds (or the margin), as bars around zero, the largest first.

import { byId, element } from './element.js';
import { signedText } from './number_text.js';

/** How many bars are shown at first. */
const TOP = 8;

/** The panel with the contributions. */
export class ContributionsPanel {
  #model;
  #form;
  #node = byId('contributions');
  #all = false;
  #shown = null;

  /** `form` tells what a field says and takes the keyboard when its bar is followed. */
  constructor(model, form) {
    this.#model = model;
    this.#form = form;
  }

  /** Shows an explanation; `null` empties the panel. */
  show(explanation) {
    this.#shown = explanation;
    this.#node.hidden = explanation === null;
    if (explanation === null) return;
    const { contributions, base, reason } = explanation;
    if (contributions === null) {
      this.#node.replaceChildren(
        element('h2', { id: 'contributions-title', class: 'eyebrow' }, 'Why'),
        element('p', {}, `No explanation: ${reason}.`));
      return;
    }
    const order = Array.from(contributions.keys())
      .sort((a, b) => Math.abs(contributions[b]) - Math.abs(contributions[a]) || a - b);
    const largest = Math.abs(contributions[order[0]]) || 1;
    const shown = this.#all ? order : order.slice(0, TOP);
    const rest = order.slice(shown.length).reduce((sum, index) => sum + contributions[index], 0);
    const { positive, negative } = this.#model.description.schema.label;
    const list = element('ol', { class: 'bars', 'data-base': base },
      shown.map((featureIdx) => this.#bar(featureIdx, contributions[featureIdx], largest)));
    const children = [
      element('h2', { id: 'contributions-title', class: 'eyebrow' }, 'Why'),
      element('p', { class: 'bars-axis', 'aria-hidden': 'true' },
        element('span', { class: 'toward-negative' }, `\u2190 ${negative.name}`),
        element('span', { class: 'toward-positive' }, `${positive.name} \u2192`)),
      list,
    ];
    if (order.length > TOP) children.push(this.#foot(order.length, rest));
    const focused = document.activeElement?.id === 'show-all';
    this.#node.replaceChildren(...children);
    if (focused) byId('show-all').focus();
  }

  #bar(featureIdx, value, largest) {
    const { name } = this.#model.features[featureIdx];
    const text = this.#form.text(featureIdx) || 'unknown';
    const bar = element('span', { class: `bar-fill ${value < 0 ? 'below' : 'above'}` });
    // Through the object model: a style attribute would need a looser content security policy.
    bar.style.setProperty('--share', Math.abs(value) / largest);
    return element('li', { 'data-feature-idx': featureIdx, 'data-contribution': value },
      element('button', {
        type: 'button', class: 'bar-name', title: `Go to ${name}`, onclick: () => this.#form.focus(featureIdx),
      }, element('span', { class: 'bar-feature' }, name), element('span', { class: 'bar-value' }, text.replace(/^-/, '\u2212'))),
      element('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar),
      element('span', { class: 'bar-number' }, signedText(value)));
  }

  #foot(count, rest) {
    return element('p', { class: 'bars-foot' },
      element('button', {
        type: 'button', id: 'show-all', class: 'link', 'aria-expanded': String(this.#all),
        onclick: () => {
          this.#all = !this.#all;
          this.show(this.#shown);
        },
      }, this.#all ? `Show the top ${TOP}` : `Show all ${count}`),
      this.#all ? null : element('span', { class: 'bars-rest' }, `the other ${count - TOP} add ${signedText(rest)}`));
  }
}
