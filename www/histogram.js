// A histogram of scores with the threshold marked.

import { element, svg } from './element.js';
import { countText, percentText } from './number_text.js';

/** How many bins there are from 0 to 1, as in the model's own reference. */
const BINS = 20;
/** Heights in pixels; widths are in percent, so that letters keep their size on every screen. */
const HEIGHT = 176;
const BASE = 150;
const TOP = 22;

/** Counts of scores in bins of equal width. */
export function binScores(scores) {
  const bins = new Array(BINS).fill(0);
  for (const score of scores) bins[Math.min(BINS - 1, Math.floor(score * BINS))] += 1;
  return bins;
}

/** The histogram as a figure. */
export function histogramFigure(scores, { threshold }, positive) {
  const bins = binScores(scores);
  const tallest = Math.max(1, ...bins);
  const step = 100 / BINS;
  const bars = bins.map((count, bin) => {
    // A bin with one row among many thousands is still a bin with a row.
    const height = count === 0 ? 0 : Math.max(2, (count / tallest) * (BASE - TOP));
    const range = `${percentText(bin / BINS)} to ${percentText((bin + 1) / BINS)}`;
    return svg('rect', {
      class: bin / BINS >= threshold ? 'bin positive' : 'bin',
      x: `${(bin + 0.06) * step}%`, y: BASE - height, width: `${0.88 * step}%`, height, rx: 2, 'data-count': count,
    }, svg('title', {}, `${range}: ${countText(count)} rows`));
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => svg('text', {
    class: 'tick', x: `${share * 100}%`, y: BASE + 18,
    'text-anchor': share === 0 ? 'start' : share === 1 ? 'end' : 'middle',
  }, `${share * 100} %`));
  const at = `${threshold * 100}%`;
  const late = threshold > 0.7;
  const words = `Scores of ${countText(scores.length)} rows in ${BINS} bins: ${bins.join(', ')}`;
  return element('figure', { class: 'histogram' },
    svg('svg', { width: '100%', height: HEIGHT, role: 'img', 'aria-label': words },
      bars,
      svg('line', { class: 'axis', x1: 0, x2: '100%', y1: BASE, y2: BASE }),
      svg('line', { class: 'threshold', x1: at, x2: at, y1: 2, y2: BASE }),
      svg('text', {
        class: 'tick', y: 12, x: at, dx: late ? -6 : 6, 'text-anchor': late ? 'end' : 'start',
      }, `threshold ${percentText(threshold)}`),
      ticks),
    element('figcaption', {}, `Probability of ${positive}; tallest bar ${countText(tallest)} rows`));
}
