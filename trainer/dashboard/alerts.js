// What is wrong now.

import { element } from './element.js';
import { chip, emptyWords, fillPanel, panelHead } from './panel.js';
import { agoText, timeText } from './time_text.js';

const RULES = {
  accuracy: 'Model degraded',
  drift: 'Drift',
  node_silent: 'Node silent',
  spool: 'Disk near its bound',
  queue: 'Queue near its bound',
  pipeline: 'Pipeline failed',
  security: 'Security',
};

/** Fills the list in. */
export function showAlerts({ alerts, looked_ms: lookedMs }) {
  const raised = alerts.filter((alert) => alert.state === 'raised');
  const cleared = alerts.filter((alert) => alert.state !== 'raised');
  fillPanel('alerts', [alerts, lookedMs === null], () => [
    panelHead('alerts', 'Alerts', raised.length === 0 ? chip('all quiet', 'good') : chip(`${raised.length} raised`, 'bad')),
    alerts.length === 0
      ? emptyWords(lookedMs === null ? 'The rules have not been applied yet.' : 'Nothing is wrong by the rules in force.')
      : element('ul', { class: 'alert-list' }, [...raised, ...cleared].map(item)),
  ]);
}

function item(alert) {
  return element('li', { class: alert.state === 'raised' ? 'alert raised' : 'alert', 'data-rule': alert.rule },
    element('span', { class: 'alert-name' },
      element('span', { class: 'sign', 'aria-hidden': 'true' }, alert.state === 'raised' ? '!' : '\u2713'),
      RULES[alert.rule] ?? alert.rule),
    element('span', { class: 'alert-words' }, alert.message),
    element('time', { class: 'alert-time', datetime: new Date(alert.since_ms).toISOString(), title: agoText(Date.now() - alert.since_ms) },
      alert.state === 'raised' ? `since ${timeText(alert.since_ms)}` : `cleared, was raised ${timeText(alert.since_ms)}`));
}
