// The edge nodes: when they were last heard of, what they run, what waits in them.

import { element } from './element.js';
import { countText, percentText } from './number_text.js';
import { chip, emptyWords, fillPanel, panelHead, table } from './panel.js';
import { agoText, timeText } from './time_text.js';

/** From which silence on a node is marked, in milliseconds: the usual rule's. */
const SILENT = 3600 * 1000;
/** From which share of its bound on a spool is marked. */
const FULL = 0.8;

/** Fills the panel in. */
export function showNodes(view) {
  fillPanel('nodes', view.nodes, () => {
    const silent = view.nodes.filter((node) => node.silent_ms >= SILENT).length;
    return [
      panelHead('nodes', 'Edge nodes', view.nodes.length === 0 ? [] : silent === 0 ? chip('all heard of', 'good') : chip(`${silent} silent`, 'bad')),
      view.nodes.length === 0 ? emptyWords('No node has sent anything in this span.') : table('nodes-table', 'Edge nodes',
        [['Node'], ['Last seen'], ['Release', true], ['Model'], ['Rows', true], ['Threats', true], ['Pending records', true], ['Spool full', true], ['Dropped', true]],
        view.nodes.map(row)),
    ];
  });
}

function row({ node, last_seen_ms: lastSeen, silent_ms: silent, model, release, n_rows: nRows, verdicts, spool }) {
  return [
    node,
    element('span', {}, element('time', { datetime: new Date(lastSeen).toISOString(), title: timeText(lastSeen) }, agoText(silent)), ' ',
      silent >= SILENT ? chip('silent', 'bad') : null),
    release === null ? 'none' : String(release),
    model ? element('span', {}, model.version, ' ', element('code', { title: model.digest }, model.digest.replace(/^sha256:/, '').slice(0, 8))) : 'unknown',
    countText(nRows),
    nRows === 0 ? '' : percentText(verdicts.positive / nRows),
    spool ? countText(spool.pending) : 'unknown',
    spool ? element('span', { class: spool.fill >= FULL ? 'too-much' : null }, percentText(spool.fill)) : 'unknown',
    spool ? countText(spool.dropped) : 'unknown',
  ];
}
