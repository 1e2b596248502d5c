// Drift by feature: which are far from the training rows, since when, and where they lie now.

import { heightAxis, roundTicks, stretchedLine, timeAxis } from './axes.js';
import { chartFigure } from './cursor.js';
import { byId, element, svg } from './element.js';
import { countText, percentText } from './number_text.js';
import { chip, emptyWords, fillPanel, panelHead, table, tableBelow } from './panel.js';
import { dayText, timeText } from './time_text.js';

/** How many features are listed before one asks for all. */
const TOP = 8;
const SEVERITIES = { none: ['steady', 'quiet'], small: ['small', 'quiet'], moderate: ['moderate', 'watch'], large: ['large', 'bad'] };
const SPARK = 26;
const HEIGHT = 168;
const FLOOR = 12;
const BASE = 142;

/** The panel; it remembers what was chosen. */
export class DriftPanel {
  #chosen = null;
  #isAll = false;
  #view = null;

  /** Fills the panel in. */
  show(view) {
    this.#view = view;
    const model = driftInCharge(view);
    fillPanel('drift', [model, this.#chosen, this.#isAll], () => {
      if (model === null) {
        return [panelHead('drift', 'Drift by feature'), emptyWords('No model with a reference and no aggregates of live rows yet.')];
      }
      const columns = [...(model.scores ? [{ ...model.scores, column: 'score' }] : []), ...model.features];
      const sorted = columns.toSorted((a, b) => Number(b.has_drifted) - Number(a.has_drifted) || b.psi - a.psi);
      const chosen = sorted.find((column) => column.column === this.#chosen) ?? sorted[0];
      const shown = this.#isAll ? sorted : sorted.slice(0, TOP);
      const largest = Math.max(0.3, ...sorted.map((column) => column.psi));
      return [
        panelHead('drift', 'Drift by feature', model.n_drifted === 0 ? chip('steady', 'good') : chip(`${model.n_drifted} of ${model.features.length} drifted`, 'bad')),
        element('div', { class: 'drift-grid' },
          element('div', {},
            table('drift-table', 'Drift by feature', [['Feature'], ['Stability index', true], [`Since ${timeText(view.from_ms)}`], ['Drift']],
              shown.map((column) => this.#row(column, column === chosen, model, largest))),
            sorted.length <= TOP ? null : element('p', { class: 'more' }, element('button', {
              type: 'button', class: 'link', id: 'drift-all', 'aria-expanded': String(this.#isAll), 'aria-controls': 'drift-table',
              onclick: () => {
                this.#isAll = !this.#isAll;
                this.show(this.#view);
              },
            }, this.#isAll ? `Show the top ${TOP}` : `Show all ${sorted.length}`))),
          this.#detail(chosen, model)),
        element('p', { class: 'hint' }, `${countText(model.n_live)} live rows of model ${model.model.version} against ${countText(model.n_reference)} training rows. ` +
          `A feature has drifted where its corrected p-value is at most ${model.alpha} and its stability index at least ${model.min_psi}.`),
      ];
    });
  }

  #row(column, isChosen, model, largest) {
    const [words, kind] = SEVERITIES[column.severity] ?? [column.severity, 'quiet'];
    const bar = element('span', { class: `psi-fill ${kind}` });
    bar.style.setProperty('--share', Math.min(1, column.psi / largest));
    return [
      element('button', {
        type: 'button', class: 'row-button', id: `drift-of-${column.column}`, 'aria-pressed': String(isChosen),
        onclick: () => {
          this.#chosen = column.column;
          this.show(this.#view);
          byId(`drift-of-${column.column}`).focus({ preventScroll: true });
        },
      }, column.column),
      element('span', { class: 'psi' }, element('span', { class: 'psi-track', 'aria-hidden': 'true' }, bar), element('span', {}, column.psi.toFixed(2))),
      sparkline(column.history.map((point) => [point.start_ms, point.psi]), this.#view, model.min_psi),
      chip(words, kind),
    ];
  }

  #detail(column, model) {
    const sum = (list) => Math.max(1, list.reduce((total, n) => total + n, 0));
    const [nReference, nLive] = [sum(column.reference), sum(column.live)];
    const shares = column.bins.map((words, idx) => [words, column.reference[idx] / nReference, column.live[idx] / nLive]);
    const largest = Math.max(0.01, ...shares.flatMap(([, a, b]) => [a, b]));
    return element('div', { class: 'drift-detail' },
      element('h3', { id: 'drift-detail-title' }, column.column),
      this.#history(column, model),
      element('table', { class: 'shares', 'aria-labelledby': 'drift-detail-title' },
        element('thead', {}, element('tr', {}, ['Value', 'In training', 'Live'].map((title) => element('th', { scope: 'col' }, title)))),
        element('tbody', {}, shares.filter(([, a, b]) => a > 0 || b > 0).map(([words, before, now]) => element('tr', {},
          element('th', { scope: 'row', title: words }, words),
          element('td', {}, shareBar(before, largest, 'before')),
          element('td', {}, shareBar(now, largest, 'now')))))));
  }

  #history(column, model) {
    const { history } = column;
    if (history.length === 0) return emptyWords('No window of time has enough rows.');
    const ticks = roundTicks(Math.max(model.min_psi * 1.5, ...history.map((point) => point.psi)));
    const y = (psi) => BASE - (psi / ticks[ticks.length - 1]) * (BASE - FLOOR);
    const width = 100 / history.length;
    const points = history.map((point, idx) => [(idx + 0.5) / history.length, y(point.psi)]);
    const dots = history.map((point, idx) => svg('circle', { class: point.has_drifted ? 'dot drifted' : 'dot', cx: `${(idx + 0.5) * width}%`, cy: y(point.psi), r: 3 }));
    // Windows without rows are left out, so that ticks belong to columns, not to a scale of time.
    const every = Math.ceil(history.length / 6);
    const columnTicks = history.map((point, idx) => ({ share: (idx + 0.5) / history.length, words: dayText(point.start_ms) }))
      .filter((_, idx) => idx % every === 0);
    const chart = svg('svg', { width: '100%', height: HEIGHT, 'aria-hidden': 'true' },
      heightAxis(ticks, y, (tick) => String(Number(tick.toPrecision(3)))),
      svg('line', { class: 'threshold', x1: 0, x2: '100%', y1: y(model.min_psi), y2: y(model.min_psi) }),
      stretchedLine(points, HEIGHT, 'history-line'), dots,
      timeAxis(columnTicks, BASE));
    const nDrifted = history.filter((point) => point.has_drifted).length;
    const say = (idx) => {
      const point = history[idx];
      return `${timeText(point.start_ms)}: stability index ${point.psi.toFixed(3)} in ${countText(point.n_rows)} rows${point.has_drifted ? ', drifted' : ''}`;
    };
    return [
      chartFigure({
        id: 'drift-history', chart, nColumns: history.length, top: FLOOR, bottom: BASE, say,
        words: `Stability index of ${column.column} in ${history.length} windows, drifted in ${nDrifted} of them.`,
        hint: `Stability index by window; the dashed line is ${model.min_psi}.`,
      }),
      tableBelow('drift-history', [['From'], ['Rows', true], ['Stability index', true], ['Drifted']],
        history.toReversed().map((point) => [timeText(point.start_ms), countText(point.n_rows), point.psi.toFixed(3), point.has_drifted ? 'yes' : 'no'])),
    ];
  }
}

/** The champion's drift, else that of the model that answered last. */
function driftInCharge({ drift, versions }) {
  const order = versions.toSorted((a, b) => Number(b.is_champion) - Number(a.is_champion) || b.last_ms - a.last_ms);
  const found = order.map((version) => drift.find((one) => one.model.digest === version.model.digest)).find(Boolean);
  return found ?? drift.at(-1) ?? null;
}

function shareBar(share, largest, kind) {
  const bar = element('span', { class: `share-fill ${kind}` });
  bar.style.setProperty('--share', share / largest);
  return element('span', { class: 'share-bar' }, element('span', { class: 'share-track', 'aria-hidden': 'true' }, bar), percentText(share));
}

/** A line of a row's own history, without axes: the table beside says the numbers. */
export function sparkline(points, view, threshold) {
  if (points.length < 2) return element('span', { class: 'hint' }, 'too short');
  const largest = Math.max(threshold * 1.2, ...points.map(([, value]) => value)) || 1;
  const y = (value) => SPARK - 3 - (value / largest) * (SPARK - 6);
  const span = Math.max(1, view.to_ms - view.from_ms);
  return svg('svg', { class: 'spark', width: '100%', height: SPARK, 'aria-hidden': 'true' },
    svg('line', { class: 'threshold', x1: 0, x2: '100%', y1: y(threshold), y2: y(threshold) }),
    stretchedLine(points.map(([ms, value]) => [Math.max(0, Math.min(1, (ms - view.from_ms) / span)), y(value)]), SPARK, 'history-line'));
}
