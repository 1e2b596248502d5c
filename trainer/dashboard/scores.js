// How scores are spread, and how they were where the model was trained.

import { stretchedLine } from './axes.js';
import { chartFigure } from './cursor.js';
import { element, svg } from './element.js';
import { countText, percentText } from './number_text.js';
import { emptyWords, fillPanel, panelHead, tableBelow } from './panel.js';

const HEIGHT = 216;
const TOP = 8;
const BASE = 190;

/** Fills the panel in. */
export function showScores(view) {
  const { counts, reference } = view.scores;
  fillPanel('scores', [counts, reference, view.positive_class], () => {
    const sum = (list) => list.reduce((total, n) => total + n, 0);
    const [nLive, nReference] = [sum(counts), sum(reference)];
    if (nLive === 0) return [panelHead('scores', 'Scores'), emptyWords('Nothing was scored in this span.')];
    const live = counts.map((n) => n / nLive);
    const trained = nReference === 0 ? [] : reference.map((n) => n / nReference);
    const largest = Math.max(...live, ...trained);
    const height = (share) => (share / largest) * (BASE - TOP);
    const step = 100 / counts.length;
    const bars = live.map((share, bin) => (counts[bin] === 0 ? null : svg('rect', {
      class: bin / counts.length >= 0.5 ? 'bin positive' : 'bin',
      x: `${(bin + 0.08) * step}%`, width: `${0.84 * step}%`,
      y: BASE - Math.max(2, height(share)), height: Math.max(2, height(share)), rx: 2,
    })));
    const outline = trained.flatMap((share, bin) => [bin, bin + 1].map((edge) => [edge / trained.length, BASE - height(share)]));
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => svg('text', {
      class: 'tick', x: `${share * 100}%`, y: BASE + 18, 'text-anchor': share === 0 ? 'start' : share === 1 ? 'end' : 'middle',
    }, `${share * 100} %`));
    const chart = svg('svg', { width: '100%', height: HEIGHT, 'aria-hidden': 'true' },
      bars, outline.length === 0 ? null : stretchedLine(outline, HEIGHT, 'reference-line'),
      svg('line', { class: 'axis', x1: 0, x2: '100%', y1: BASE, y2: BASE }), ticks);
    const range = (bin) => `${Math.round(bin * step)} to ${Math.round((bin + 1) * step)} %`;
    const say = (bin) => `Scores ${range(bin)}: ${percentText(live[bin])} of rows (${countText(counts[bin])})` +
      (trained.length === 0 ? '' : `; in training ${percentText(trained[bin])}`);
    const low = sum(counts.slice(0, counts.length / 2)) / nLive;
    const words = `Scores of ${countText(nLive)} rows in ${counts.length} bins: ${percentText(low)} below 50 %, ${percentText(1 - low)} from 50 % on.`;
    return [
      panelHead('scores', 'Scores', trained.length === 0 ? [] : element('ul', { class: 'legend' },
        element('li', {}, element('span', { class: 'swatch line', 'aria-hidden': 'true' }), 'in training'))),
      chartFigure({ id: 'scores', chart, nColumns: counts.length, top: TOP, bottom: BASE, words, say, hint: `Probability of ${view.positive_class ?? 'a threat'}, from 0 to 100 %.` }),
      tableBelow('scores', [['Score'], ['Rows', true], ['Share', true], ['In training', true]],
        counts.map((n, bin) => [range(bin), countText(n), percentText(live[bin]), trained.length === 0 ? '' : percentText(trained[bin])])),
    ];
  });
}
