// The model card: how good the model is, what it was made from, what to keep in mind.

import { byId, element, svg } from './element.js';
import { bytesText, countText, percentText } from './number_text.js';

/** How many importances are shown. */
const TOP = 10;

/** Fills the panel in. */
export function showCard(model) {
  const { description } = model;
  const { card } = description;
  byId('panel-card').replaceChildren(...[
    element('h1', {}, card.name),
    notes(card.notes),
    element('div', { class: 'card-grid' },
      metrics(card),
      importances(model),
      facts('Training', [
        ['Learner', card.algorithm],
        ['Training rows', countText(card.n_rows_train)],
        ['Test rows', countText(card.n_rows_test)],
        ['Split', card.split],
        ['Test rows a random split would have memorised', percentText(card.memorised_share)],
        ['Seed', card.seed],
        ['Made by Picket', card.code_version],
        ...Object.entries(card.parameters),
      ]),
      facts('File', [
        ['Schema', description.schema.name],
        ['Positive class', description.schema.label.positive.name],
        ['Threshold', percentText(description.decision.threshold)],
        ['Uncertain', description.decision.uncertain?.map(percentText).join(' to ') ?? 'no band'],
        ['Fields', countText(description.n_features)],
        ...size(description.model),
        ['Size', bytesText(description.n_bytes)],
        ['Artifact digest', digest(description.digest)],
        ['Schema digest', digest(description.schema_digest)],
        ['Data digest', digest(card.data_digest)],
        ['Parent', card.parent ? digest(card.parent) : 'none'],
      ])),
  ].filter((part) => part !== null));
}

function digest(text) {
  return element('code', { class: 'digest' }, text);
}

function size(model) {
  if (model.kind === 'linear') return [['Terms', countText(model.n_terms)]];
  if (model.kind === 'neighbours') {
    return [['Nearest rows asked', countText(model.n_neighbours)], ['Stored rows', countText(model.n_rows)]];
  }
  if (model.kind === 'kernel') return [['Support vectors', countText(model.n_rows)]];
  if (model.kind === 'blend') return [['Members', model.members.map((member) => member.kind).join(', ')]];
  return [['Trees', countText(model.n_trees)], ['Nodes', countText(model.n_nodes)]];
}

function notes(list) {
  if (list.length === 0) return null;
  return element('section', { class: 'notes', 'aria-label': 'Notes' },
    element('ul', {}, list.map((note) => element('li', {}, note))));
}

function facts(title, pairs) {
  return element('section', { class: 'card' },
    element('h2', {}, title),
    element('dl', { class: 'facts' }, pairs.flatMap(([name, value]) => [
      element('dt', {}, name), element('dd', {}, value),
    ])));
}

function metrics({ metrics: list }) {
  if (list.length === 0) return null;
  return element('section', { class: 'card' },
    element('h2', {}, 'Measured on rows that training did not see'),
    element('div', { class: 'table-box', tabindex: 0, role: 'region', 'aria-label': 'Metrics' },
      element('table', { class: 'metrics' },
        element('thead', {}, element('tr', {},
          element('th', { scope: 'col' }, 'Metric'), element('th', { scope: 'col', class: 'number' }, 'Value'),
          element('th', { scope: 'col', class: 'number' }, '95 % interval'), element('th', { scope: 'col', class: 'interval-head' }, '0 to 1'))),
        element('tbody', {}, list.map((metric) => element('tr', {},
          element('th', { scope: 'row' }, metric.name),
          element('td', { class: 'number' }, metric.value.toFixed(3)),
          element('td', { class: 'number' }, `${metric.low.toFixed(3)} to ${metric.high.toFixed(3)}`),
          element('td', {}, interval(metric))))))));
}

/** A metric's interval as a line from 0 to 1; empty where it does not fit. */
function interval({ value, low, high }) {
  if (low < 0 || high > 1) return '';
  const percent = (share) => `${share * 100}%`;
  return svg('svg', { class: 'interval', width: '100%', height: 14, 'aria-hidden': 'true' },
    svg('line', { class: 'interval-axis', x1: 0, x2: '100%', y1: 7, y2: 7 }),
    svg('line', { class: 'interval-line', x1: percent(low), x2: percent(high), y1: 7, y2: 7 }),
    svg('circle', { class: 'interval-dot', cx: percent(value), cy: 7, r: 3 }));
}

function importances({ description, features }) {
  const list = description.card.importances
    .map((share, featureIdx) => ({ share, name: features[featureIdx].name }))
    .sort((a, b) => b.share - a.share)
    .slice(0, TOP);
  if (list.length === 0) return null;
  const largest = list[0].share || 1;
  return element('section', { class: 'card' },
    element('h2', {}, 'Most important fields'),
    element('ol', { class: 'importances' }, list.map(({ share, name }) => {
      const bar = element('span', { class: 'importance-fill' });
      bar.style.setProperty('--share', share / largest);
      return element('li', {}, element('span', { class: 'importance-name' }, name),
        element('span', { class: 'importance-track', 'aria-hidden': 'true' }, bar),
        element('span', { class: 'bar-number' }, percentText(share)));
    })));
}
