//! A row's answers to all conditions, each asked once.

use picket_schema::Feature;
use picket_schema::artifact::{Condition, ModelColumns, Operator, Test, Trees};

/// The conditions of one feature. They stand together in the file: conditions are sorted.
#[derive(Debug)]
struct FeatureConditions {
    feature_idx: usize,
    /// The position of its first condition.
    first: usize,
    kind: FeatureKind,
}

#[derive(Debug)]
enum FeatureKind {
    /// Ascending thresholds; equal ones may differ in where missing values go.
    Thresholds {
        thresholds: Vec<f32>,
        missing: Vec<u32>,
    },
    /// For each code, then for missing, the masks of all conditions in a row. Shape: `(n_categories + 1, n)`.
    Categories {
        n_categories: usize,
        n_conditions: usize,
        masks: Vec<u32>,
    },
    /// As `Categories`, where that table would be large: each set is looked up.
    Sets {
        n_categories: usize,
        /// For each condition its set's first word, and the mask for missing.
        sets: Vec<(u32, u32)>,
    },
}

/// The most masks of a feature's categories that are kept. Conditions may share the words of their sets, so
/// a small file can ask for many masks.
const MAX_MASKS: usize = 1 << 18;

/// All conditions of a model, grouped by feature. A mask is 0 where the row goes left, else all ones.
#[derive(Debug, Default)]
pub(crate) struct ConditionMasks {
    features: Vec<FeatureConditions>,
    /// The words of the category sets.
    words: Vec<u32>,
    operator_is_less: bool,
    n_conditions: usize,
}

impl ConditionMasks {
    pub(crate) fn new(trees: &Trees<'_>, columns: &ModelColumns) -> Self {
        let conditions: Vec<_> = trees.iter_conditions().collect();
        let mut features = Vec::new();
        let mut first = 0;
        for group in conditions.chunk_by(|a, b| a.feature_idx == b.feature_idx) {
            let feature_idx = usize::from(group[0].feature_idx);
            let mask = |goes_left: bool| if goes_left { 0 } else { u32::MAX };
            let missing = group.iter().map(|condition| mask(condition.missing_left));
            let n_categories = columns.n_categories(feature_idx);
            let kind = if n_categories == 0 {
                let thresholds = group.iter().map(|condition| match condition.test {
                    Test::Threshold(threshold) => threshold,
                    Test::CategorySet(_) => f32::NAN,
                });
                FeatureKind::Thresholds {
                    thresholds: thresholds.collect(),
                    missing: missing.collect(),
                }
            } else if (n_categories + 1) * group.len() > MAX_MASKS {
                let first_word = |condition: &Condition| match condition.test {
                    Test::CategorySet(word) => word,
                    Test::Threshold(_) => 0,
                };
                FeatureKind::Sets {
                    n_categories,
                    sets: group.iter().map(first_word).zip(missing).collect(),
                }
            } else {
                let in_set = |code: usize, test: Test| match test {
                    Test::Threshold(_) => false,
                    Test::CategorySet(word) => {
                        let word = trees.category_word(word as usize + code / 32).unwrap_or(0);
                        word >> (code % 32) & 1 == 1
                    }
                };
                let masks = (0..n_categories)
                    .flat_map(|code| group.iter().map(move |condition| (code, condition.test)))
                    .map(|(code, test)| mask(in_set(code, test)))
                    .chain(missing)
                    .collect();
                FeatureKind::Categories {
                    n_categories,
                    n_conditions: group.len(),
                    masks,
                }
            };
            features.push(FeatureConditions {
                feature_idx,
                first,
                kind,
            });
            first += group.len();
        }
        let words = trees.category_sets.as_chunks().0.iter();
        let words = words.map(|word| u32::from_le_bytes(*word));
        Self {
            features,
            words: words.collect(),
            operator_is_less: trees.operator == Operator::Less,
            n_conditions: conditions.len(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.n_conditions
    }

    /// Writes the row's answers. Shape of `masks`: `(n_conditions,)`.
    pub(crate) fn evaluate(&self, row: &[f32], masks: &mut [u32]) {
        for feature in &self.features {
            let x = row[feature.feature_idx];
            match &feature.kind {
                FeatureKind::Thresholds {
                    thresholds,
                    missing,
                } => {
                    let masks = &mut masks[feature.first..feature.first + thresholds.len()];
                    if x.is_nan() {
                        masks.copy_from_slice(missing);
                    } else if thresholds.len() <= 8 {
                        for (mask, threshold) in masks.iter_mut().zip(thresholds) {
                            let is_left = if self.operator_is_less {
                                x < *threshold
                            } else {
                                x <= *threshold
                            };
                            *mask = u32::from(is_left).wrapping_sub(1);
                        }
                    } else {
                        // Thresholds ascend, so the row goes right at a prefix and left at the rest.
                        let n_right = if self.operator_is_less {
                            thresholds.partition_point(|threshold| x >= *threshold)
                        } else {
                            thresholds.partition_point(|threshold| x > *threshold)
                        };
                        masks[..n_right].fill(u32::MAX);
                        masks[n_right..].fill(0);
                    }
                }
                FeatureKind::Sets { n_categories, sets } => {
                    let code = Feature::category_code(*n_categories, x);
                    let masks = &mut masks[feature.first..feature.first + sets.len()];
                    for (mask, (first_word, missing)) in masks.iter_mut().zip(sets) {
                        *mask = code.map_or(*missing, |code| {
                            let word = self.words.get(*first_word as usize + code / 32);
                            let is_in = word.map_or(0, |word| word >> (code % 32) & 1);
                            is_in.wrapping_sub(1)
                        });
                    }
                }
                FeatureKind::Categories {
                    n_categories,
                    n_conditions,
                    masks: table,
                } => {
                    let code = Feature::category_code(*n_categories, x).unwrap_or(*n_categories);
                    let answers = &table[code * n_conditions..(code + 1) * n_conditions];
                    masks[feature.first..feature.first + n_conditions].copy_from_slice(answers);
                }
            }
        }
    }
}
