//! What the training rows looked like: the histograms that drift is measured against.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::reader::Reader;
use crate::feature_schema::FeatureSchema;
use crate::limits;

/// How often each value of one feature stood in the training rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeatureHistogram<'a> {
    /// Upper bounds of all bins but the last, ascending f32; a value `x` is in the first bin with `x <= edge`.
    /// For a categorical feature the edges are the codes without the last.
    #[serde(with = "serde_bytes")]
    pub edges: Cow<'a, [u8]>,
    /// u32 counts: one a bin, and last the missing values. Shape: `(n_edges + 2,)`.
    #[serde(with = "serde_bytes")]
    pub counts: Cow<'a, [u8]>,
}

/// The reference window of a model: its training rows. All empty where the model has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reference<'a> {
    /// One histogram a feature.
    pub features: Vec<FeatureHistogram<'a>>,
    /// u32 counts of the scores in 20 bins of equal width. Shape: `(20,)`.
    #[serde(with = "serde_bytes")]
    pub scores: Cow<'a, [u8]>,
}

impl<'a> FeatureHistogram<'a> {
    fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(2);
        Self {
            edges: reader.key("edges").table(),
            counts: reader.key("counts").table(),
        }
    }
}

impl<'a> Reference<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(2);
        Self {
            features: reader.key("features").array(FeatureHistogram::read),
            scores: reader.key("scores").table(),
        }
    }

    pub(super) fn validate(&self, schema: &FeatureSchema) -> Result<(), ArtifactError> {
        let n_features = if self.features.is_empty() {
            0
        } else {
            schema.n_features()
        };
        ArtifactError::check_count(
            "reference histograms",
            self.features.len(),
            n_features,
            n_features,
        )?;
        let expected = if self.features.is_empty() {
            0
        } else {
            4 * limits::SCORE_BINS
        };
        check_length("scores", self.scores.len(), expected)?;
        for histogram in &self.features {
            let (edges, rest) = histogram.edges.as_chunks::<4>();
            check_length("edges", rest.len(), 0)?;
            ArtifactError::check_count("edges", edges.len(), 0, limits::MAX_DOMAIN)?;
            let mut last = f64::NEG_INFINITY;
            for edge in edges {
                let edge = f64::from(f32::from_le_bytes(*edge));
                ArtifactError::check_range(
                    format_args!("an edge"),
                    edge,
                    last,
                    f64::from(f32::MAX),
                )?;
                last = edge;
            }
            check_length("counts", histogram.counts.len(), 4 * (edges.len() + 2))?;
        }
        Ok(())
    }
}

fn check_length(table: &'static str, found: usize, expected: usize) -> Result<(), ArtifactError> {
    if found == expected {
        return Ok(());
    }
    Err(ArtifactError::TableLength {
        table,
        found,
        expected: expected.to_string(),
    })
}
