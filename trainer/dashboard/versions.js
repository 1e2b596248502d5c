// The models that answered: how much, how well, and which of them is in charge.

import { stretchedLine } from './axes.js';
import { element, svg } from './element.js';
import { countText, percentText } from './number_text.js';
import { chip, emptyWords, fillPanel, panelHead, table } from './panel.js';
import { timeText } from './time_text.js';

const SPARK = 30;

/** Fills the panel in. */
export function showVersions(view, models) {
  const { champion, challenger } = models;
  fillPanel('versions', [view.versions, view.shadows, champion, challenger], () => [
    panelHead('versions', 'Model versions', releaseWords(champion, challenger)),
    view.versions.length === 0 ? emptyWords('No model has answered in this span.') : table('versions-table', 'Model versions',
      [['Model'], ['Release', true], ['Rows', true], ['Threats', true], ['Labels', true], ['Live accuracy', true], ['95 % interval, 0.5 to 1'], ['By day'], ['Last answer']],
      view.versions.toReversed().map((version) => row(version, view))),
    view.shadows.length === 0 ? null : [
      element('h3', {}, 'Challengers beside the champion'),
      table('shadows-table', 'Challengers beside the champion',
        [['Challenger'], ['Champion'], ['Same verdict', true], ['Mean difference of scores', true], ['Champion right', true], ['Challenger right', true], ['Chance explains it', true]],
        view.shadows.map(shadowRow)),
    ],
  ]);
}

function releaseWords(champion, challenger) {
  if (champion === null && challenger === null) return element('span', { class: 'hint' }, 'no releases');
  const words = champion === null ? 'no champion' : `champion: release ${champion}`;
  return element('span', { class: 'hint' }, challenger === null ? words : `${words}; release ${challenger} waits`);
}

function row(version, view) {
  const { verdicts, n_rows: nRows, accuracy } = version;
  const share = accuracy?.accuracy;
  return [
    element('span', { class: 'model-name' },
      element('span', {}, version.model.version), ' ',
      element('code', { title: version.model.digest }, version.model.digest.replace(/^sha256:/, '').slice(0, 8)), ' ',
      version.is_champion ? chip('champion', 'good') : null,
      version.is_known ? null : chip('file unknown', 'watch')),
    version.release === null ? 'none' : String(version.release),
    countText(nRows),
    nRows === 0 ? '' : percentText(verdicts.positive / nRows),
    countText(accuracy?.n_labelled ?? 0),
    share?.of ? `${percentText(share.value)} (${percentText(share.low)} to ${percentText(share.high)})` : 'no labels yet',
    share?.of ? interval(share) : '',
    byDay(version.accuracy_over_time, view),
    timeText(version.last_ms),
  ];
}

/** A share with its interval as a line; the scale begins at a half, where guessing stands. */
function interval({ value, low, high }) {
  const at = (share) => `${Math.max(0, (share - 0.5) * 2) * 100}%`;
  return svg('svg', { class: 'interval', width: '100%', height: 14, 'aria-hidden': 'true' },
    svg('line', { class: 'interval-axis', x1: 0, x2: '100%', y1: 7, y2: 7 }),
    svg('line', { class: 'interval-line', x1: at(low), x2: at(high), y1: 7, y2: 7 }),
    svg('circle', { class: 'interval-dot', cx: at(value), cy: 7, r: 3 }));
}

/** Accuracy by day, each bin weighed by its labels: bins of an hour hold too few to see anything. */
function byDay(bins, view) {
  const day = 24 * 3600 * 1000;
  const days = new Map();
  for (const { start_ms: start, accuracy } of bins) {
    const sums = days.get(Math.floor(start / day)) ?? [0, 0];
    days.set(Math.floor(start / day), [sums[0] + accuracy.n, sums[1] + accuracy.of]);
  }
  const points = [...days].filter(([, [, of]]) => of > 0).map(([at, [n, of]]) => [at * day + day / 2, n / of]);
  if (points.length < 2) return '';
  const y = (share) => SPARK - 4 - Math.max(0, (share - 0.5) * 2) * (SPARK - 8);
  const span = Math.max(1, view.to_ms - view.from_ms);
  const words = points.map(([, share]) => percentText(share)).join(', ');
  return svg('svg', { class: 'spark', width: '100%', height: SPARK, role: 'img', 'aria-label': `By day: ${words}` },
    svg('line', { class: 'grid', x1: 0, x2: '100%', y1: y(1), y2: y(1) }),
    svg('line', { class: 'grid', x1: 0, x2: '100%', y1: y(0.5), y2: y(0.5) }),
    stretchedLine(points.map(([ms, share]) => [Math.max(0, Math.min(1, (ms - view.from_ms) / span)), y(share)]), SPARK, 'history-line'));
}

function shadowRow({ champion, challenger, agreement, mean_delta: delta, paired }) {
  const share = (one) => `${percentText(one.value)} of ${countText(one.of)}`;
  return [
    challenger.version, champion.version,
    percentText(agreement.value),
    delta.toFixed(3).replace('-', '\u2212'),
    paired ? share(paired.champion) : 'no labels',
    paired ? share(paired.challenger) : 'no labels',
    paired ? `p = ${paired.test.p_value < 0.001 ? '< 0.001' : paired.test.p_value.toFixed(3)}` : '',
  ];
}
