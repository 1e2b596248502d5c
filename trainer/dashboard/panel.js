// A panel's contents: put in place only where they changed, without taking the keyboard away.

import { byId, element } from './element.js';

const shown = new Map();

/**
 * Fills a panel with what `build` makes of `data`. Nothing is touched while the data are the same. What had the
 * keyboard, what was unfolded and what was scrolled stays so: they are found again by their ids.
 */
export function fillPanel(id, data, build) {
  const key = JSON.stringify(data);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  const panel = byId(id);
  const focused = panel.contains(document.activeElement) ? document.activeElement.id : '';
  const open = [...panel.querySelectorAll('details[open][id]')].map((node) => node.id);
  const scrolled = [...panel.querySelectorAll('.table-box[id]')].map((node) => [node.id, node.scrollLeft, node.scrollTop]);
  panel.replaceChildren(...[build()].flat(Infinity).filter((node) => node !== null && node !== undefined));
  for (const name of open) document.getElementById(name)?.setAttribute('open', '');
  for (const [name, left, top] of scrolled) document.getElementById(name)?.scrollTo(left, top);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** A panel's head: its title, and what stands beside it. */
export function panelHead(id, title, ...beside) {
  return element('div', { class: 'card-head' }, element('h2', { id: `${id}-title` }, title), beside);
}

/** What a panel says where it has nothing to show. */
export function emptyWords(words) {
  return element('p', { class: 'empty' }, words);
}

/** A table in a box that scrolls by keyboard. Columns are `[title, isNumber]`, rows lists of cells, the first a header. */
export function table(id, label, columns, rows) {
  const kind = (idx) => (columns[idx][1] ? 'number' : null);
  return element('div', { class: 'table-box', id, tabindex: 0, role: 'region', 'aria-label': label },
    element('table', {},
      element('thead', {}, element('tr', {},
        columns.map(([title], idx) => element('th', { scope: 'col', class: kind(idx) }, title)))),
      element('tbody', {}, rows.map((cells) => element('tr', {}, cells.map((cell, idx) => (
        idx === 0 ? element('th', { scope: 'row', class: kind(idx) }, cell) : element('td', { class: kind(idx) }, cell))))))));
}

/** A chart's numbers as a table that unfolds. */
export function tableBelow(id, columns, rows) {
  return element('details', { id: `${id}-details`, class: 'numbers' },
    element('summary', {}, 'Numbers as a table'),
    table(`${id}-table`, 'Numbers of the chart', columns, rows));
}

/** A small word in a coloured pill. */
export function chip(words, kind) {
  return element('span', { class: `pill ${kind}` }, words);
}
