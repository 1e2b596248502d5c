//! Draws phishing rows from published statistics: data to try the project with.
//!
//! The statistics are a tree-augmented naive Bayes (Friedman, Geiger and Goldszmidt, Bayesian
//! network classifiers, Machine Learning 29, 1997): counts of each feature's values given the label
//! and one other feature. They come with their source in `data/phishing-facts.json`. The rows are
//! synthetic: no row is a copy of a real one, but by chance.

use std::collections::BTreeMap;

use picket_schema::FeatureSchema;
use serde::Deserialize;

use crate::error::TrainerError;
use crate::random::Random;

const FACTS: &str = include_str!("../data/phishing-facts.json");
const SCHEMA: &str = include_str!("../../schema/schemas/phishing.toml");

/// What a user should be told of every sample.
pub const SYNTHETIC_NOTE: &str = "These rows are synthetic: drawn from class-conditional statistics of the UCI Phishing Websites data. Numbers measured on them say nothing about real sites.";

#[derive(Deserialize)]
struct Facts {
    label: LabelFacts,
    features: Vec<FeatureFacts>,
}

#[derive(Deserialize)]
struct LabelFacts {
    name: String,
    values: Vec<i32>,
    counts: Vec<u32>,
}

#[derive(Deserialize)]
struct FeatureFacts {
    name: String,
    values: Vec<i32>,
    parent: Option<String>,
    counts: BTreeMap<String, Counts>,
}

/// Counts of a feature's values: as they are, or by the parent's value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    Root(Vec<u32>),
    ByParent(BTreeMap<String, Vec<u32>>),
}

/// One column to draw.
struct Column {
    values: Vec<i32>,
    /// The parent's place in the order of drawing.
    parent: Option<usize>,
    /// By the label's index and the parent's value index: counts, one a value.
    tables: Vec<Vec<Vec<u32>>>,
    /// The place in a row: the feature's index in the schema.
    feature_idx: usize,
}

/// Draws rows, without end.
pub struct Sampler {
    schema: FeatureSchema,
    label_values: Vec<i32>,
    label_counts: Vec<u32>,
    columns: Vec<Column>,
    random: Random,
}

impl Sampler {
    /// Starts drawing. The same seed gives the same rows.
    ///
    /// # Errors
    /// [`TrainerError::Embedded`] where the statistics do not fit the schema, which a test excludes.
    pub fn new(seed: u64) -> Result<Self, TrainerError> {
        let broken = |expected: String| TrainerError::Embedded {
            file: "phishing-facts.json",
            expected,
        };
        let schema = phishing_schema()?;
        let facts: Facts =
            serde_json::from_str(FACTS).map_err(|error| broken(error.to_string()))?;
        if facts.label.name != schema.label.name || facts.features.len() != schema.n_features() {
            return Err(broken(
                "the label and the number of features of the schema".into(),
            ));
        }
        let mut columns: Vec<Column> = Vec::with_capacity(facts.features.len());
        for feature in &facts.features {
            let name = &feature.name;
            let feature_idx = schema
                .feature_idx(name)
                .ok_or_else(|| broken(format!("{name} in the schema")))?;
            let position = |parent: &String| {
                facts.features[..columns.len()]
                    .iter()
                    .position(|other| other.name == *parent)
                    .ok_or_else(|| broken(format!("{parent} before {name}")))
            };
            let parent = feature.parent.as_ref().map(position).transpose()?;
            let parent_values = parent.map(|parent| columns[parent].values.as_slice());
            let tables = facts
                .label
                .values
                .iter()
                .map(|label| feature.tables(*label, parent_values));
            let tables = tables
                .collect::<Option<_>>()
                .ok_or_else(|| broken(format!("counts of {name} for every label and parent")))?;
            columns.push(Column {
                values: feature.values.clone(),
                parent,
                tables,
                feature_idx,
            });
        }
        let LabelFacts {
            values: label_values,
            counts: label_counts,
            ..
        } = facts.label;
        Ok(Self {
            schema,
            label_values,
            label_counts,
            columns,
            random: Random::stream(seed, 2),
        })
    }

    /// The schema of the rows.
    #[must_use]
    pub fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    /// Draws a row in the schema's order, shape `(n_features,)`, and the value of its label.
    pub fn draw(&mut self) -> (Vec<i32>, i32) {
        let label = draw_index(&mut self.random, &self.label_counts);
        let mut drawn = Vec::with_capacity(self.columns.len());
        let mut row = vec![0; self.columns.len()];
        for column in &self.columns {
            let parent_value = column.parent.map_or(0, |parent| drawn[parent]);
            let value = draw_index(&mut self.random, &column.tables[label][parent_value]);
            drawn.push(value);
            row[column.feature_idx] = column.values[value];
        }
        (row, self.label_values[label])
    }
}

impl FeatureFacts {
    /// The counts given the label, by the parent's value index.
    fn tables(&self, label: i32, parent_values: Option<&[i32]>) -> Option<Vec<Vec<u32>>> {
        let tables = match (self.counts.get(&label.to_string())?, parent_values) {
            (Counts::Root(counts), None) => vec![counts.clone()],
            (Counts::ByParent(by_parent), Some(values)) => values
                .iter()
                .map(|value| by_parent.get(&value.to_string()).cloned())
                .collect::<Option<_>>()?,
            _ => return None,
        };
        let fits =
            |counts: &Vec<u32>| counts.len() == self.values.len() && counts.iter().any(|n| *n > 0);
        tables.iter().all(fits).then_some(tables)
    }
}

/// An index with a chance in proportion to its count. Whole numbers only: the same on every machine.
fn draw_index(random: &mut Random, counts: &[u32]) -> usize {
    let total: usize = counts.iter().map(|count| *count as usize).sum();
    let mut left = random.below(total);
    for (index, count) in counts.iter().enumerate() {
        if left < *count as usize {
            return index;
        }
        left -= *count as usize;
    }
    counts.len() - 1
}

/// The schema that comes with the project for phishing rows.
///
/// # Errors
/// [`TrainerError::Embedded`] where it is broken, which a test excludes.
pub fn phishing_schema() -> Result<FeatureSchema, TrainerError> {
    FeatureSchema::from_toml(SCHEMA).map_err(|error| TrainerError::Embedded {
        file: "phishing.toml",
        expected: error.to_string(),
    })
}
/// Synthetic sites with their labels, for tests of what learns.
#[cfg(test)]
pub(crate) fn labelled_sample(n_rows: usize, seed: u64) -> crate::Dataset {
    let mut sampler = Sampler::new(seed).expect("the phishing schema");
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..n_rows {
        let (row, label) = sampler.draw();
        values.extend(row.into_iter().map(|value| value as f32));
        labels.push(label == -1);
    }
    let schema = sampler.schema().clone();
    crate::Dataset::new(schema, values, labels, "sample").expect("rows of both classes")
}
