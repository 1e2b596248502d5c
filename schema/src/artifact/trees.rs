//! The `trees` model: decision trees whose fixed-point leaves are added.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::int_table::IntTable;
use super::model_columns::{ColumnKind, ModelColumns};
use super::reader::Reader;
use super::tree_layout::TreeLayout;
use crate::limits;

/// Bytes a condition takes in its table.
const CONDITION_BYTES: usize = 8;
/// A missing value goes left.
const FLAG_MISSING_LEFT: u8 = 1;
/// The operand is a category set.
const FLAG_CATEGORICAL: u8 = 2;

/// How a row is compared with a threshold. The row goes left where the comparison holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Operator {
    /// `x <= threshold`.
    #[serde(rename = "le")]
    LessEqual,
    /// `x < threshold`.
    #[serde(rename = "lt")]
    Less,
}

impl Operator {
    fn read(reader: &mut Reader<'_>) -> Self {
        match reader.str() {
            "le" => Self::LessEqual,
            "lt" => Self::Less,
            other => {
                reader.unknown(other, "le or lt");
                Self::LessEqual
            }
        }
    }
}

/// What a condition asks of its feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    /// Compare with this threshold by the model's [`Operator`].
    Threshold(f32),
    /// Look the category's code up in the set that starts at this word of `category_sets`.
    CategorySet(u32),
}

/// One question to a row; a node goes left where it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// The model column asked: without a transform, the feature.
    pub feature_idx: u16,
    /// Whether a missing value goes left.
    pub missing_left: bool,
    /// The question.
    pub test: Test,
}

impl Condition {
    /// The key that conditions are sorted by: feature, kind of test, operand, missing direction.
    pub(super) fn sort_key(&self) -> (u16, bool, i64, bool) {
        let (categorical, operand) = match self.test {
            // Monotone in the float's value; -0.0 is folded into 0.0.
            Test::Threshold(threshold) => {
                let bits = i64::from((threshold + 0.0).to_bits().cast_signed());
                (
                    false,
                    if bits < 0 {
                        i64::from(i32::MIN) - bits
                    } else {
                        bits
                    },
                )
            }
            Test::CategorySet(word) => (true, i64::from(word)),
        };
        (self.feature_idx, categorical, operand, self.missing_left)
    }

    pub(super) fn to_bytes(self) -> [u8; CONDITION_BYTES] {
        let mut bytes = [0; CONDITION_BYTES];
        let mut flags = if self.missing_left {
            FLAG_MISSING_LEFT
        } else {
            0
        };
        let operand = match self.test {
            Test::Threshold(threshold) => threshold.to_bits(),
            Test::CategorySet(word) => {
                flags |= FLAG_CATEGORICAL;
                word
            }
        };
        bytes[..2].copy_from_slice(&self.feature_idx.to_le_bytes());
        bytes[2] = flags;
        bytes[4..].copy_from_slice(&operand.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; CONDITION_BYTES]) -> Self {
        let [f0, f1, flags, _, o0, o1, o2, o3] = bytes;
        let operand = u32::from_le_bytes([o0, o1, o2, o3]);
        Self {
            feature_idx: u16::from_le_bytes([f0, f1]),
            missing_left: flags & FLAG_MISSING_LEFT != 0,
            test: if flags & FLAG_CATEGORICAL != 0 {
                Test::CategorySet(operand)
            } else {
                Test::Threshold(f32::from_bits(operand))
            },
        }
    }
}

/// The `trees` model. See SPEC.md for the layout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trees<'a> {
    /// How rows are compared with thresholds.
    pub operator: Operator,
    /// Added to the sum of the leaves, in units of `2^-scale_log2`.
    pub base: i64,
    /// The margin is `(base + sum) * 2^-scale_log2`.
    pub scale_log2: u8,
    /// The conditions, 8 bytes each. Shape: `(n_conditions,)`.
    #[serde(with = "serde_bytes")]
    pub conditions: Cow<'a, [u8]>,
    /// The category sets, u32 words.
    #[serde(with = "serde_bytes")]
    pub category_sets: Cow<'a, [u8]>,
    /// One bit a node, lowest bit of each byte first: 1 for an inner node, 0 for a leaf, trees one
    /// after another, each depth first, left before right. Shape: `(n_nodes + n_leaves,)` bits.
    #[serde(with = "serde_bytes")]
    pub shape: Cow<'a, [u8]>,
    /// The condition of each inner node. Shape: `(n_nodes,)`.
    pub node_conditions: IntTable<'a>,
    /// Each leaf's value, or its index in `leaf_values`. Shape: `(n_nodes + n_trees,)`.
    pub leaves: IntTable<'a>,
    /// The distinct leaf values as i32, or nothing.
    #[serde(with = "serde_bytes")]
    pub leaf_values: Cow<'a, [u8]>,
    /// The training weight of each leaf, or its index in `cover_values`. Shape: `(n_nodes + n_trees,)`.
    pub covers: IntTable<'a>,
    /// The distinct training weights as u32, or nothing.
    #[serde(with = "serde_bytes")]
    pub cover_values: Cow<'a, [u8]>,
}

impl<'a> Trees<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(11);
        Self {
            operator: Operator::read(reader.key("operator")),
            base: reader.key("base").int(),
            scale_log2: reader.key("scale_log2").u8(),
            conditions: reader.key("conditions").table(),
            category_sets: reader.key("category_sets").table(),
            shape: reader.key("shape").table(),
            node_conditions: IntTable::read(reader.key("node_conditions")),
            leaves: IntTable::read(reader.key("leaves")),
            leaf_values: reader.key("leaf_values").table(),
            covers: IntTable::read(reader.key("covers")),
            cover_values: reader.key("cover_values").table(),
        }
    }
}

impl Trees<'_> {
    /// How many conditions there are.
    #[must_use]
    pub fn n_conditions(&self) -> usize {
        self.conditions.len() / CONDITION_BYTES
    }

    /// How many trees there are: a tree has one leaf more than inner nodes.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        self.leaves.len().saturating_sub(self.node_conditions.len())
    }

    /// Whether node `index`, counted with the leaves in the order of the shape, is an inner node;
    /// `None` past the end.
    #[must_use]
    pub fn is_inner(&self, index: usize) -> Option<bool> {
        self.shape
            .get(index / 8)
            .map(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// The condition at `index`; `None` past the end.
    #[must_use]
    pub fn condition(&self, index: usize) -> Option<Condition> {
        let start = index.checked_mul(CONDITION_BYTES)?;
        let bytes = self.conditions.get(start..)?.first_chunk()?;
        Some(Condition::from_bytes(*bytes))
    }

    /// All conditions, in order.
    pub fn iter_conditions(&self) -> impl Iterator<Item = Condition> + '_ {
        self.conditions
            .as_chunks()
            .0
            .iter()
            .map(|bytes| Condition::from_bytes(*bytes))
    }

    /// Word `index` of the category sets; `None` past the end.
    #[must_use]
    pub fn category_word(&self, index: usize) -> Option<u32> {
        word(&self.category_sets, u32::try_from(index).ok()?)
    }

    /// The value of the leaf at `index`, in units of `2^-scale_log2`; `None` past the end.
    #[must_use]
    pub fn leaf_value(&self, index: usize) -> Option<i32> {
        if self.leaf_values.is_empty() {
            return self.leaves.get_signed(index);
        }
        word(&self.leaf_values, self.leaves.get(index)?).map(u32::cast_signed)
    }

    /// The training weight of the leaf at `index`; `None` past the end.
    #[must_use]
    pub fn cover(&self, index: usize) -> Option<u32> {
        if self.cover_values.is_empty() {
            return self.covers.get(index);
        }
        word(&self.cover_values, self.covers.get(index)?)
    }

    pub(super) fn validate(&self, columns: &ModelColumns) -> Result<TreeLayout, ArtifactError> {
        let max = limits::MAX_BASE;
        if self.base < -max || self.base > max {
            let expected = format!("at most {max} in magnitude");
            let found = self.base as f64;
            return Err(ArtifactError::OutOfRange {
                field: "base".into(),
                found,
                expected,
            });
        }
        if self.scale_log2 > limits::MAX_SCALE_LOG2 {
            return Err(ArtifactError::OutOfRange {
                field: "scale_log2".into(),
                found: f64::from(self.scale_log2),
                expected: format!("0 to {}", limits::MAX_SCALE_LOG2),
            });
        }
        self.validate_conditions(columns)?;
        self.node_conditions.validate_width("node_conditions")?;
        self.leaves.validate_width("leaves")?;
        self.covers.validate("covers", self.leaves.len())?;
        let n_conditions = self.n_conditions();
        if let Some((node, found)) = self.node_conditions.first_at_least(n_conditions) {
            return Err(ArtifactError::ConditionIndex {
                node,
                found: found as usize,
                n_conditions,
            });
        }
        self.validate_leaves()?;
        TreeLayout::of(self)
    }

    fn validate_conditions(&self, columns: &ModelColumns) -> Result<(), ArtifactError> {
        for (table, bytes, unit) in [
            ("conditions", &self.conditions, CONDITION_BYTES),
            ("category_sets", &self.category_sets, 4),
            ("leaf_values", &self.leaf_values, 4),
            ("cover_values", &self.cover_values, 4),
        ] {
            if !bytes.len().is_multiple_of(unit) {
                let (found, expected) = (bytes.len(), format!("a multiple of {unit}"));
                return Err(ArtifactError::TableLength {
                    table,
                    found,
                    expected,
                });
            }
        }
        ArtifactError::check_count("conditions", self.n_conditions(), 0, limits::MAX_CONDITIONS)?;
        let mut last = None;
        for (index, bytes) in self
            .conditions
            .as_chunks::<CONDITION_BYTES>()
            .0
            .iter()
            .enumerate()
        {
            let found = u16::from_le_bytes([bytes[2], bytes[3]]);
            if found & !u16::from(FLAG_MISSING_LEFT | FLAG_CATEGORICAL) != 0 {
                return Err(ArtifactError::ConditionFlags { index, found });
            }
            let condition = Condition::from_bytes(*bytes);
            self.validate_test(index, condition, columns)?;
            let key = condition.sort_key();
            if last.is_some_and(|last| last >= key) {
                return Err(ArtifactError::ConditionOrder { index });
            }
            last = Some(key);
        }
        Ok(())
    }

    fn validate_test(
        &self,
        index: usize,
        condition: Condition,
        columns: &ModelColumns,
    ) -> Result<(), ArtifactError> {
        let found = usize::from(condition.feature_idx);
        let wrong = |expected: String| ArtifactError::FeatureIndex {
            place: "condition",
            index,
            found,
            expected,
        };
        let kind = columns
            .kind(found)
            .ok_or_else(|| wrong(format!("less than {}", columns.len())))?;
        match condition.test {
            Test::Threshold(threshold) => {
                if kind != ColumnKind::Numeric {
                    return Err(wrong("a numeric column for a threshold".into()));
                }
                if !threshold.is_finite() {
                    return Err(ArtifactError::NotFinite {
                        field: format!("the threshold of condition {index}"),
                        found: f64::from(threshold),
                    });
                }
            }
            Test::CategorySet(word) => {
                let ColumnKind::Categorical { n_categories } = kind else {
                    return Err(wrong("a categorical column for a category set".into()));
                };
                let last = word as usize + n_categories.div_ceil(32) - 1;
                let unused = n_categories.div_ceil(32) * 32 - n_categories;
                let in_range = self
                    .category_word(last)
                    .is_some_and(|bits| unused == 0 || bits >> (32 - unused) == 0);
                if !in_range {
                    return Err(ArtifactError::CategorySet {
                        index,
                        found: word as usize,
                    });
                }
            }
        }
        Ok(())
    }

    fn validate_leaves(&self) -> Result<(), ArtifactError> {
        for (table, indexes, values) in [
            ("leaf", &self.leaves, &self.leaf_values),
            ("cover", &self.covers, &self.cover_values),
        ] {
            let n_values = values.len() / 4;
            if n_values > 0
                && let Some((leaf, found)) = indexes.first_at_least(n_values)
            {
                return Err(ArtifactError::LeafIndex {
                    leaf,
                    table,
                    found: found as usize,
                    n_values,
                });
            }
        }
        let zero = if self.cover_values.is_empty() {
            self.covers.first_zero()
        } else {
            let mut values = self.cover_values.as_chunks::<4>().0.iter();
            values.position(|value| *value == [0; 4])
        };
        match zero {
            Some(leaf) => Err(ArtifactError::ZeroCover { leaf }),
            None => Ok(()),
        }
    }
}

/// The little-endian word at `index`.
fn word(bytes: &[u8], index: u32) -> Option<u32> {
    let start = (index as usize).checked_mul(4)?;
    let bytes = bytes.get(start..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}
