// Threats over time: a column a bin, threats at the foot, so that their heights compare.

import { heightAxis, roundTicks, timeAxis } from './axes.js';
import { chartFigure } from './cursor.js';
import { element, svg } from './element.js';
import { countText } from './number_text.js';
import { fillPanel, panelHead, tableBelow } from './panel.js';
import { spanText, timeText, timeTicks } from './time_text.js';

const HEIGHT = 224;
const TOP = 18;
const BASE = 196;
const KINDS = ['positive', 'uncertain', 'negative'];

/** Fills the panel in. */
export function showThreats(view) {
  const { volumes, bin_ms: binMs, positive_class: positive, negative_class: negative } = view;
  fillPanel('threats', [volumes, positive, negative], () => {
    const names = [positive ?? 'threat', 'left open', negative ?? 'harmless'];
    const largest = Math.max(1, ...volumes.map((bin) => bin.n_rows));
    const ticks = roundTicks(largest);
    const y = (n) => BASE - (n / ticks[ticks.length - 1]) * (BASE - TOP);
    const width = 100 / volumes.length;
    const columns = volumes.map((bin, idx) => {
      let sum = 0;
      return KINDS.map((kind) => {
        const n = bin.verdicts[kind];
        const low = y(sum);
        sum += n;
        if (n === 0) return null;
        return svg('rect', { class: `volume ${kind}`, x: `${(idx + 0.1) * width}%`, width: `${0.8 * width}%`, y: y(sum), height: Math.max(0.8, low - y(sum)) });
      });
    });
    const from = volumes[0]?.start_ms ?? 0;
    const chart = svg('svg', { width: '100%', height: HEIGHT, 'aria-hidden': 'true' },
      heightAxis(ticks, y, countText), columns, timeAxis(timeTicks(from, from + binMs * volumes.length), BASE));
    const totals = KINDS.map((kind) => volumes.reduce((sum, bin) => sum + bin.verdicts[kind], 0));
    const peak = volumes.reduce((best, bin) => (bin.verdicts.positive > best.verdicts.positive ? bin : best), volumes[0]);
    const words = `Rows over time in ${volumes.length} bins of ${spanText(binMs)}: ${totals.map((n, idx) => `${countText(n)} ${names[idx]}`).join(', ')}. ` +
      `Most ${names[0]} at ${timeText(peak.start_ms)}: ${countText(peak.verdicts.positive)}.`;
    const say = (idx) => {
      const bin = volumes[idx];
      const counts = KINDS.map((kind, kindIdx) => `${countText(bin.verdicts[kind])} ${names[kindIdx]}`).join(', ');
      return `${timeText(bin.start_ms)}: ${countText(bin.n_rows)} rows; ${counts}${bin.n_labels > 0 ? `; ${countText(bin.n_labels)} labels came` : ''}`;
    };
    return [
      panelHead('threats', 'Threats over time', legend(names)),
      chartFigure({ id: 'threats', chart, nColumns: volumes.length, top: TOP, bottom: BASE, words, say, hint: `A column is ${spanText(binMs)}.` }),
      tableBelow('threats', [['From'], ['Rows', true], ...names.map((name) => [name, true]), ['Labels', true]],
        volumes.filter((bin) => bin.n_rows > 0 || bin.n_labels > 0).reverse().map((bin) => [
          timeText(bin.start_ms), countText(bin.n_rows), ...KINDS.map((kind) => countText(bin.verdicts[kind])), countText(bin.n_labels),
        ])),
    ];
  });
}

/** What the colours mean, in the order of the columns. */
function legend(names) {
  return element('ul', { class: 'legend' }, names.map((name, idx) => element('li', {},
    element('span', { class: `swatch ${KINDS[idx]}`, 'aria-hidden': 'true' }), name)));
}
