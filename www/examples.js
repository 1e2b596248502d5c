// Example rows, made from what the model knows of itself: its schema, its reference histograms
// and its own scores. No column is known here by name.

import { acceptsMissing } from './domain.js';
import { NEGATIVE, POSITIVE } from './model.js';

/** How sure the model should be of an example. */
const SURE = 0.9;
/** The most values tried for one field. */
const MAX_TRIED = 12;

/** The row with the most frequent value of each field. */
export function typicalRow(model) {
  return Float32Array.from(model.features, (feature, featureIdx) => {
    const weighed = weighedValues(model, feature, featureIdx);
    return weighed.reduce((best, entry) => (entry.weight > best.weight ? entry : best)).value;
  });
}

/** A row with each field drawn as often as it was in training. */
export function randomRow(model) {
  return Float32Array.from(model.features, (feature, featureIdx) => {
    const weighed = weighedValues(model, feature, featureIdx);
    let left = Math.random() * weighed.reduce((sum, entry) => sum + entry.weight, 0);
    return (weighed.find((entry) => (left -= entry.weight) < 0) ?? weighed[0]).value;
  });
}

/**
 * A row that the model takes for a class: from the typical row, the one change that helps most,
 * until it is sure or no change helps.
 */
export function rowLike(model, verdict) {
  const row = typicalRow(model);
  const width = row.length;
  const changes = model.features.flatMap((feature, featureIdx) => mostFrequent(weighedValues(model, feature, featureIdx))
    .map(({ value }) => ({ featureIdx, value })));
  const direction = verdict === POSITIVE ? 1 : -1;
  let [margin, score] = model.score(row);
  for (let step = 0; step < width && !isSure(verdict, score); step += 1) {
    const tried = new Float32Array(changes.length * width);
    changes.forEach(({ featureIdx, value }, index) => {
      tried.set(row, index * width);
      tried[index * width + featureIdx] = value;
    });
    const scored = model.score(tried);
    let best = -1;
    for (let index = 0; index < changes.length; index += 1) {
      if ((scored[index * 3] - margin) * direction > 0) {
        best = index;
        margin = scored[index * 3];
      }
    }
    if (best < 0) break;
    row[changes[best].featureIdx] = changes[best].value;
    score = scored[best * 3 + 1];
  }
  return row;
}

function isSure(verdict, score) {
  return verdict === NEGATIVE ? score <= 1 - SURE : score >= SURE;
}

function mostFrequent(weighed) {
  return [...weighed].sort((a, b) => b.weight - a.weight).slice(0, MAX_TRIED);
}

/** The values a field may have, each with how often it stood in the training rows. */
function weighedValues(model, feature, featureIdx) {
  const histogram = model.description.reference.features[featureIdx];
  const { domain } = feature;
  const weight = (bin) => histogram?.counts[bin] ?? 1;
  if (domain.categories) return domain.categories.map((_, code) => ({ value: code, weight: weight(code) }));
  if (domain.hashed) return Array.from({ length: domain.hashed }, (_, code) => ({ value: code, weight: weight(code) }));
  if (domain.values) {
    return domain.values.map((value) => ({ value: Math.fround(value), weight: histogram ? weight(binOf(histogram.edges, value)) : 1 }));
  }
  const [min, max] = domain.range;
  const values = histogram ? histogram.edges.map((value, bin) => ({ value, weight: weight(bin) })) : grid(min, max);
  const inside = values.filter(({ value }) => value >= min && value <= max);
  if (inside.length > 0) return inside;
  return [{ value: min, weight: 1 }, ...(acceptsMissing(feature) ? [{ value: NaN, weight: 0 }] : [])];
}

function binOf(edges, value) {
  const bin = edges.findIndex((edge) => value <= edge);
  return bin < 0 ? edges.length : bin;
}

/** Without histograms: the bounds and the powers of ten between them, small ones the likelier. */
function grid(min, max) {
  const values = new Set([min, (min + max) / 2, max]);
  for (let power = -2; power < 10; power += 1) {
    for (const value of [10 ** power, -(10 ** power)]) if (value > min && value < max) values.add(value);
  }
  if (min < 0 && max > 0) values.add(0);
  return [...values].map((value) => ({ value: Math.fround(value), weight: 1 / (1 + Math.log10(1 + Math.abs(value - min))) }));
}
