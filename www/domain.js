// A feature's domain: which values a form offers, and how a row's number reads.

import { f32Text } from './number_text.js';

/** What kind of control a feature needs: `choice`, `search`, `number` or `text`. */
export function controlOf(feature) {
  if (feature.domain.hashed) return 'text';
  const listed = listedTexts(feature);
  if (listed === null) return 'number';
  return listed.length <= 5 ? 'choice' : 'search';
}

/** The texts of a listed domain, `null` for a range or any text. */
export function listedTexts({ domain }) {
  if (domain.categories) return domain.categories;
  return domain.values ? domain.values.map(String) : null;
}

/** Whether a row may lack the feature. */
export function acceptsMissing(feature) {
  return feature.missing === 'accept';
}

/**
 * The text of a row's number, as a CSV file would have it; empty where it is missing. `encode` gives the
 * number of a text: of a hashed one no more is known than its bucket, so any text of that bucket stands for it.
 */
export function textOf({ domain }, x, encode) {
  if (domain.categories) return domain.categories[x] ?? '';
  if (domain.hashed) return textOfBucket(domain.hashed, x, encode);
  return f32Text(x);
}

function textOfBucket(buckets, x, encode) {
  for (let number = 0; x >= 0 && number < 20 * buckets; number += 1) {
    const text = String(number);
    if (encode(text) === x) return text;
  }
  return '';
}

/** The domain in a few words. */
export function domainHint(feature) {
  const { domain, unit } = feature;
  if (!domain.range) return '';
  const [min, max] = domain.range.map((bound) => bound.toLocaleString('en'));
  return `${min} to ${max}${unit ? ` ${unit}` : ''}`;
}
