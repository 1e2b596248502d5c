// What happened in all, in a few large numbers.

import { element } from './element.js';
import { countText, percentText } from './number_text.js';
import { fillPanel } from './panel.js';

/** Fills the tiles in. */
export function showTotals(view, { alerts }) {
  const { n_rows: nRows, verdicts, n_nodes: nNodes } = view.totals;
  const nRaised = alerts.filter((alert) => alert.state === 'raised').length;
  const champion = view.versions.find((version) => version.is_champion && version.accuracy) ??
    view.versions.filter((version) => version.accuracy).at(-1);
  const accuracy = champion?.accuracy.accuracy;
  const data = [view.positive_class, nRows, verdicts, nNodes, nRaised, accuracy, view.labels.n_joined];
  fillPanel('totals', data, () => element('dl', { class: 'tiles' },
    tile('Rows scored', countText(nRows), `on ${countText(nNodes)} nodes`),
    tile(view.positive_class ? `Taken for ${view.positive_class}` : 'Threats', countText(verdicts.positive), shareText(verdicts.positive, nRows), 'positive'),
    tile('Left open', countText(verdicts.uncertain), shareText(verdicts.uncertain, nRows), 'uncertain'),
    tile('Live accuracy', accuracy?.of ? percentText(accuracy.value) : 'unknown',
      accuracy?.of ? `${percentText(accuracy.low)} to ${percentText(accuracy.high)}` : 'no labels yet', 'negative'),
    tile('Labels', countText(view.labels.n_joined), 'of predictions in this span'),
    tile('Alerts', countText(nRaised), nRaised === 0 ? 'all quiet' : 'raised now', nRaised === 0 ? '' : 'positive')));
}

function shareText(n, of) {
  return of === 0 ? '' : percentText(n / of);
}

function tile(title, number, words, kind = '') {
  return element('div', { class: `tile ${kind}` },
    element('dt', {}, title),
    element('dd', {}, element('span', { class: 'tile-count' }, number), element('span', { class: 'tile-share' }, words)));
}
