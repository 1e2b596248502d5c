//! What a model's tables index: the columns of a row after the transform.

use crate::feature::Kind;
use crate::feature_schema::FeatureSchema;

/// What a model column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A number; NaN is missing.
    Numeric,
    /// A category's code; everything else is missing.
    Categorical {
        /// How many categories there are.
        n_categories: usize,
    },
}

/// One column of a row after some steps of a transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelColumn {
    /// What it holds.
    pub kind: ColumnKind,
    /// The feature of the schema that it is made from.
    pub feature_idx: usize,
}

/// The columns that a model reads, in order. Without a transform they are the schema's features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelColumns(pub Vec<ModelColumn>);

impl From<&FeatureSchema> for ModelColumns {
    fn from(schema: &FeatureSchema) -> Self {
        let columns = schema.features.iter().enumerate();
        let columns = columns.map(|(feature_idx, feature)| ModelColumn {
            kind: match feature.kind() {
                Kind::Categorical => ColumnKind::Categorical {
                    n_categories: feature.n_categories(),
                },
                Kind::Numeric | Kind::Ordinal => ColumnKind::Numeric,
            },
            feature_idx,
        });
        Self(columns.collect())
    }
}

impl ModelColumns {
    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a column holds; `None` past the end.
    #[must_use]
    pub fn kind(&self, column_idx: usize) -> Option<ColumnKind> {
        self.0.get(column_idx).map(|column| column.kind)
    }

    /// How many categories a column has; 0 for a numeric one and past the end.
    #[must_use]
    pub fn n_categories(&self, column_idx: usize) -> usize {
        match self.kind(column_idx) {
            Some(ColumnKind::Categorical { n_categories }) => n_categories,
            Some(ColumnKind::Numeric) | None => 0,
        }
    }
}

impl ColumnKind {
    /// Whether a value of such a column is missing.
    #[must_use]
    pub fn is_missing(self, x: f32) -> bool {
        match self {
            Self::Numeric => x.is_nan(),
            Self::Categorical { n_categories } => {
                crate::Feature::category_code(n_categories, x).is_none()
            }
        }
    }
}
