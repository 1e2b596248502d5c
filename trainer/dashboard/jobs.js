// The trainings: how far they are, how they ended.

import { element } from './element.js';
import { chip, emptyWords, fillPanel, panelHead, table } from './panel.js';
import { spanText, timeText } from './time_text.js';

const STATES = {
  PENDING: ['waits', 'quiet'],
  STARTED: ['runs', 'busy'],
  SUCCESS: ['done', 'good'],
  FAILURE: ['failed', 'bad'],
  CANCELLED: ['cancelled', 'quiet'],
};

/** Fills the panel in. */
export function showJobs({ tasks, total }) {
  fillPanel('jobs', [tasks, total], () => [
    panelHead('jobs', 'Jobs', element('span', { class: 'hint' }, total > tasks.length ? `the newest ${tasks.length} of ${total}` : '')),
    tasks.length === 0 ? emptyWords('No training has been asked for.') : table('jobs-table', 'Jobs',
      [['Pipeline'], ['State'], ['Progress'], ['Best so far', true], ['Asked for'], ['By'], ['Outcome']], tasks.map(row)),
  ]);
}

function row(task) {
  const [words, kind] = STATES[task.status] ?? [task.status, 'quiet'];
  const best = task.progress?.best;
  return [
    element('span', {}, task.pipeline, ' ', element('code', { title: task.task_id }, task.task_id.slice(0, 8))),
    chip(words, kind),
    task.progress ? progress(task.progress) : took(task),
    best ? `${best.metric} ${best.mean.toFixed(3)} (${best.model})` : '',
    element('time', { datetime: task.created }, timeText(Date.parse(task.created))),
    `${task.by}${task.cause === 'request' ? '' : `, ${task.cause}`}`,
    outcome(task),
  ];
}

function progress({ stage, percent, eta_s: eta }) {
  const label = percent === null ? stage : `${stage}, ${Math.round(percent)} %`;
  return element('span', { class: 'job-progress' },
    element('progress', { max: 100, value: percent, 'aria-label': label }),
    element('span', {}, eta === null ? label : `${label}, ${spanText(eta * 1000)} left`));
}

function took({ started, finished }) {
  return started && finished ? `took ${spanText(Date.parse(finished) - Date.parse(started))}` : '';
}

function outcome({ status, result }) {
  if (status === 'FAILURE' || status === 'CANCELLED') return element('span', { class: 'reason' }, String(result ?? ''));
  if (status !== 'SUCCESS' || result === null) return '';
  const digest = result.model_digest ? result.model_digest.replace(/^sha256:/, '').slice(0, 8) : null;
  return element('span', { class: 'reason' }, [result.algorithm, digest].filter(Boolean).join(', '));
}
