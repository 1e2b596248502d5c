// A feature's domain: which values a form offers, and how a row's number reads.

import { f32Text } from './number_text.js';

/** What kind of control a feature needs: `choice`, `search` or `number`. */
export function controlOf(feature) {
  const listed = listedTexts(feature);
  if (listed === null) return 'number';
  return listed.length <= 5 ? 'choice' : 'search';
}

/** The texts of a listed domain, `null` for a range. */
export function listedTexts({ domain }) {
  if (domain.categories) return domain.categories;
  return domain.values ? domain.values.map(String) : null;
}

/** Whether a row may lack the feature. */
export function acceptsMissing(feature) {
  return feature.missing === 'accept';
}

/** The text of a row's number, as a CSV file would have it; empty where it is missing. */
export function textOf({ domain }, x) {
  if (domain.categories) return domain.categories[x] ?? '';
  return f32Text(x);
}

/** The domain in a few words. */
export function domainHint(feature) {
  const { domain, unit } = feature;
  if (!domain.range) return '';
  const [min, max] = domain.range.map((bound) => bound.toLocaleString('en'));
  return `${min} to ${max}${unit ? ` ${unit}` : ''}`;
}
