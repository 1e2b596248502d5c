// The dashboard: asks the service again and again, and hands what it says to the panels.

import { showAlerts } from './alerts.js';
import { DriftPanel } from './drift.js';
import { byId } from './element.js';
import { Feed } from './feed.js';
import { showJobs } from './jobs.js';
import { showNodes } from './nodes.js';
import { showReasons } from './reasons.js';
import { showScores } from './scores.js';
import { Session } from './session.js';
import { showThreats } from './threats.js';
import { clockText, spanText, timeText } from './time_text.js';
import { showTotals } from './totals.js';
import { showVersions } from './versions.js';

const session = new Session();
const drift = new DriftPanel();

function state(name) {
  document.documentElement.dataset.state = name;
}

function notice(words) {
  const node = byId('notice');
  if (node.textContent !== words) node.textContent = words;
  node.hidden = words === '';
}

function status(words, kind) {
  const node = byId('feed-status');
  node.dataset.kind = kind;
  // Said aloud only where it is something else: a clock that is read out every few seconds helps nobody.
  if (node.textContent !== words) node.textContent = words;
}

/** What the service said, by path. */
function show({ live, task, models, alerts }) {
  byId('sign-in').hidden = true;
  byId('board').hidden = false;
  byId('sign-out').hidden = !session.isSignedIn;
  notice(live.problem ? `The records cannot be read: ${live.problem}` : '');
  const { view } = live;
  byId('nothing').hidden = view !== null && view.totals.n_rows > 0;
  byId('nothing-words').textContent = nothingWords(live);
  for (const id of ['totals', 'threats', 'scores', 'reasons', 'drift', 'versions', 'nodes']) {
    byId(id).hidden = view === null;
  }
  showAlerts(alerts);
  showJobs(task);
  if (view !== null) {
    byId('span').textContent = `${timeText(view.from_ms)} to ${timeText(view.to_ms)} (${spanText(view.to_ms - view.from_ms)}), local time`;
    showTotals(view, alerts);
    showThreats(view);
    showScores(view);
    showReasons(live.contributions, view);
    drift.show(view);
    showVersions(view, models);
    showNodes(view);
    byId('source').textContent = `${view.records.n_records.toLocaleString('en')} records of ${view.store}. The page asks this service alone.`;
  }
  status(view === null ? 'Connected' : `As of ${clockText(view.generated_ms)}`, 'good');
  state(view === null ? 'no-data' : 'ready');
}

function nothingWords(live) {
  if (!live.is_configured) {
    return 'This service was started without a place for records: name a folder or MongoDB with --store.';
  }
  if (live.view === null) return 'The records are being read for the first time.';
  return 'Edge nodes have sent nothing in this span. Numbers appear here once they do.';
}

function askToken(wasRefused) {
  byId('board').hidden = true;
  byId('sign-out').hidden = true;
  byId('sign-in').hidden = false;
  byId('token-error').textContent = wasRefused ? 'The service does not know this token, or its role is not enough.' : '';
  byId('token').value = '';
  notice('');
  status('Not signed in', 'off');
  state('sign-in');
  byId('token').focus();
}

const feed = new Feed(session, {
  onData: show,
  onRefused: () => {
    const wasRefused = session.isSignedIn;
    session.forget();
    askToken(wasRefused);
  },
  onAway: (reason, waitMs) => {
    const words = `The service does not answer (${reason}). Trying again every ${Math.round(waitMs / 1000)} s.`;
    notice(byId('board').hidden ? words : `${words} What is shown is what it said last.`);
    status('Service away', 'off');
    state('away');
  },
});

byId('sign-in-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = byId('token').value.trim();
  if (token === '') return;
  session.keep(token);
  feed.start();
});
byId('sign-out').addEventListener('click', () => {
  feed.stop();
  session.forget();
  askToken(false);
});

state('loading');
feed.start();
