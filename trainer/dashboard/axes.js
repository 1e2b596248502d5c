// Axes: a height for a number, ticks at round numbers.

import { svg } from './element.js';

/** Round numbers from 0 to at least `largest`, at most five. */
export function roundTicks(largest) {
  const rough = Math.max(largest, 1e-9) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const n = Math.max(1, Math.ceil(largest / step - 1e-9));
  return Array.from({ length: n + 1 }, (_, idx) => idx * step);
}

/** Lines across with their numbers, written above them at the left. */
export function heightAxis(ticks, y, words) {
  return ticks.map((tick) => [
    svg('line', { class: tick === 0 ? 'axis' : 'grid', x1: 0, x2: '100%', y1: y(tick), y2: y(tick) }),
    tick === 0 ? null : svg('text', { class: 'tick', x: 0, y: y(tick) - 4 }, words(tick)),
  ]);
}

/** Ticks of time below. The outermost stay within the chart; every other one goes where it is narrow. */
export function timeAxis(ticks, base) {
  return ticks.map(({ share, words }, idx) => svg('text', {
    class: idx % 2 === 1 ? 'tick minor' : 'tick', x: `${share * 100}%`, y: base + 18,
    'text-anchor': share < 0.03 ? 'start' : share > 0.95 ? 'end' : 'middle',
  }, words));
}

/**
 * A line through points `[share, y]`: stretched to the width of the chart without stretching its own width.
 * `share` runs from 0 to 1.
 */
export function stretchedLine(points, height, kind) {
  const path = points.map(([share, y], idx) => `${idx === 0 ? 'M' : 'L'}${(share * 1000).toFixed(1)} ${y.toFixed(2)}`).join('');
  return svg('svg', { x: 0, y: 0, width: '100%', height, viewBox: `0 0 1000 ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('path', { class: kind, d: path, 'vector-effect': 'non-scaling-stroke' }));
}
