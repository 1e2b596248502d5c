// A mark that goes over a chart's columns by mouse or arrow keys, and a line that says what is there.

import { element, svg } from './element.js';

/**
 * Makes a figure of a chart. `words` sums the chart up for those who do not see it; `say(idx)` says what is at a column.
 * The figure takes the keyboard: left, right, home and end move the mark.
 */
export function chartFigure({ id, chart, nColumns, top = 0, bottom, words, say, hint }) {
  const mark = svg('rect', { class: 'mark', y: top, height: bottom - top, width: `${100 / nColumns}%`, x: 0 });
  mark.style.visibility = 'hidden';
  chart.prepend(mark);
  const line = element('p', { class: 'readout', 'aria-live': 'polite' }, hint);
  let at = null;
  const move = (idx) => {
    at = idx;
    mark.style.visibility = idx === null ? 'hidden' : 'visible';
    if (idx !== null) mark.setAttribute('x', `${(idx / nColumns) * 100}%`);
    const text = idx === null ? hint : say(idx);
    if (line.textContent !== text) line.textContent = text;
  };
  const box = element('div', {
    id: `${id}-chart`, class: 'chart-box', tabindex: 0, role: 'img', 'aria-label': `${words} Arrow keys read it out.`,
    onkeydown: (event) => {
      const last = nColumns - 1;
      const next = {
        ArrowRight: Math.min(last, (at ?? -1) + 1),
        ArrowLeft: Math.max(0, (at ?? nColumns) - 1),
        Home: 0,
        End: last,
      }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      move(next);
    },
    onblur: () => move(null),
    onpointermove: (event) => {
      const { left, width } = chart.getBoundingClientRect();
      const idx = Math.floor(((event.clientX - left) / width) * nColumns);
      move(Math.max(0, Math.min(nColumns - 1, idx)));
    },
    onpointerleave: () => {
      if (document.activeElement !== box) move(null);
    },
  }, chart);
  return element('figure', { class: 'chart' }, box, line);
}
