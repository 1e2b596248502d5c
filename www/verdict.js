// The verdict on one row: class, probability, and where it stands against the threshold.

import { byId, element, svg } from './element.js';
import { NEGATIVE, POSITIVE, UNCERTAIN } from './model.js';
import { countText, percentText, signedText } from './number_text.js';

/** How a verdict looks: a colour, and a sign for those who do not see it. */
export const LOOKS = {
  [NEGATIVE]: { name: 'negative', sign: '\u2713' },
  [POSITIVE]: { name: 'positive', sign: '!' },
  [UNCERTAIN]: { name: 'uncertain', sign: '?' },
};

/** What an explanation adds up to, by the unit it is in. */
const UNIT_NAMES = { 'log-odds': 'Log-odds', margin: 'Margin' };
/** How long typing must rest before the verdict is read out. */
const QUIET_MS = 500;

/** The panel with the verdict. */
export class VerdictPanel {
  #model;
  #node = byId('verdict');
  #status = byId('verdict-status');
  #timer = 0;

  constructor(model) {
    this.#model = model;
    clearTimeout(this.#timer);
  }

  /** Shows a row's verdict. */
  show({ score, verdict }, explanation) {
    const name = this.#model.verdictName(verdict);
    const positive = this.#model.description.schema.label.positive.name;
    const look = LOOKS[verdict];
    const note = explanation.contributions
      ? sumText(UNIT_NAMES[this.#model.description.explanation_unit], explanation.base, explanation.contributions.reduce((total, x) => total + x, 0))
      : 'This score cannot be explained.';
    this.#node.dataset.verdict = look.name;
    this.#node.replaceChildren(
      element('h2', { id: 'verdict-title', class: 'eyebrow' }, 'Verdict'),
      element('p', { class: 'verdict-line' },
        element('span', { class: 'sign', 'aria-hidden': 'true' }, look.sign),
        element('span', { class: 'verdict-name', id: 'verdict-name' }, name),
        element('span', { class: 'verdict-score', id: 'verdict-score', 'data-score': score }, percentText(score))),
      gauge(score, this.#model.description.decision, `Probability of ${positive}`),
      element('p', { class: 'verdict-note' },
        `Probability of ${positive}. ${note}`),
    );
    this.#announce(`${name}, ${percentText(score)} probability of ${positive}`);
  }

  /** Says that some fields must be put right first. */
  showIncomplete(wrong) {
    const words = `${countText(wrong)} ${wrong === 1 ? 'field needs' : 'fields need'} a right value`;
    this.#node.dataset.verdict = 'none';
    this.#node.replaceChildren(
      element('h2', { id: 'verdict-title', class: 'eyebrow' }, 'Verdict'),
      element('p', { class: 'verdict-line' }, element('span', { class: 'verdict-name', id: 'verdict-name' }, 'None yet')),
      element('p', { class: 'verdict-note' }, `${words}.`),
    );
    this.#announce(`No verdict: ${words}`);
  }

  #announce(words) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { this.#status.textContent = words; }, QUIET_MS);
  }
}

function sumText(unit, base, sum) {
  return `${unit} ${signedText(base + sum)}: ${signedText(base)} for an average row, ${signedText(sum)} from this one.`;
}

/** A bar from 0 to 1 with the threshold and the uncertain band. */
function gauge(score, { threshold, uncertain }, label) {
  const percent = (share) => `${share * 100}%`;
  const band = uncertain && uncertain[0] < uncertain[1]
    ? svg('rect', { class: 'gauge-band', x: percent(uncertain[0]), y: 24, width: percent(uncertain[1] - uncertain[0]), height: 3 })
    : null;
  const bar = svg('svg', { class: 'gauge', height: 32, width: '100%', 'aria-hidden': 'true' },
    svg('rect', { class: 'gauge-track', x: 0, y: 10, width: '100%', height: 12, rx: 3 }),
    svg('rect', { class: 'gauge-fill', x: 0, y: 10, width: percent(score), height: 12, rx: 3 }),
    band,
    svg('line', { class: 'gauge-threshold', x1: percent(threshold), x2: percent(threshold), y1: 4, y2: 28 }));
  const words = [element('span', {}, `threshold ${percentText(threshold)}`)];
  if (band) words.push(element('span', {}, `uncertain ${percentText(uncertain[0])} to ${percentText(uncertain[1])}`));
  return element('div', { class: 'gauge-box' },
    element('div', {
      role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100,
      'aria-valuenow': (score * 100).toFixed(1), 'aria-valuetext': percentText(score),
    }, bar),
    element('p', { class: 'gauge-words' }, words));
}
