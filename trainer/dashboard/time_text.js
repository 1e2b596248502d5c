// Times in words, in the reader's own zone.

const DATE_TIME = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const DATE = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const CLOCK = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const HOUR = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

const MINUTE_MS = 60000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Day and time: `Nov 21, 14:05`. */
export function timeText(ms) {
  return DATE_TIME.format(ms);
}

/** The day: `Nov 21`. */
export function dayText(ms) {
  return DATE.format(ms);
}

/** The time of day: `14:05`. */
export function hourText(ms) {
  return HOUR.format(ms);
}

/** The time of day to the second. */
export function clockText(ms) {
  return CLOCK.format(ms);
}

/** How long: `7 days`, `40 min`. */
export function spanText(ms) {
  const pick = (n, one, many) => `${n} ${n === 1 ? one : many}`;
  if (ms < MINUTE_MS) return `${Math.max(0, Math.round(ms / 1000))} s`;
  if (ms < 2 * HOUR_MS && ms !== HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return pick(Math.round(ms / HOUR_MS), 'hour', 'hours');
  return pick(Math.round(ms / DAY_MS), 'day', 'days');
}

/** How long ago. */
export function agoText(ms) {
  return ms < 1000 ? 'now' : `${spanText(ms)} ago`;
}

/** Where a time axis has ticks, and what they say: whole days where the span is long, else hours. At most about eight. */
export function timeTicks(fromMs, toMs) {
  const span = toMs - fromMs;
  const isDays = span > 2 * DAY_MS;
  const steps = isDays ? [1, 2, 5, 10, 30, 90].map((n) => n * DAY_MS) : [0.25, 0.5, 1, 3, 6, 12].map((n) => n * HOUR_MS);
  const step = steps.find((candidate) => span / candidate <= 8) ?? steps[steps.length - 1];
  // Ticks stand at the reader's midnight, not at that of Greenwich.
  const first = new Date(fromMs);
  first.setHours(0, 0, 0, 0);
  const ticks = [];
  for (let at = first.getTime(); at <= toMs && ticks.length < 50; at += step) {
    if (at >= fromMs) ticks.push({ at, share: (at - fromMs) / span, words: isDays ? dayText(at) : hourText(at) });
  }
  return ticks;
}
