//! Columns of buckets: what a record keeps of a hashed text.
//!
//! A text that was hashed cannot be had back, and a model never saw more of it than the bucket. So rows of the field hold
//! the bucket, in a column that says so and of how many: `host#64` for the feature `host` of 64 buckets. Where the texts
//! themselves stand in a column `host`, that one is read.

use std::borrow::Cow;

use picket_schema::{Domain, Feature, FeatureSchema, FieldError, is_missing_text};

use super::cell::Cell;

/// The column of a feature in rows that come from records.
#[must_use]
pub fn recorded_column(feature: &Feature) -> Cow<'_, str> {
    match feature.domain {
        Domain::Hashed(n_buckets) => Cow::Owned(format!("{}#{n_buckets}", feature.name)),
        _ => Cow::Borrowed(&feature.name),
    }
}

/// A header in which columns of buckets have their feature's name, where nothing else has it, and for each feature whether
/// it is read as a bucket. Shapes: `(n_columns,)`, `(n_features,)`.
pub(super) fn with_buckets(schema: &FeatureSchema, header: &[String]) -> (Vec<String>, Vec<bool>) {
    let mut names: Vec<String> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    let mut in_buckets = vec![false; schema.n_features()];
    for (feature, in_buckets) in schema.features.iter().zip(&mut in_buckets) {
        let column = recorded_column(feature);
        // A column that the schema names is that one, whatever its name looks like.
        let is_other = schema.feature_idx(&column).is_some() || schema.label.name == *column;
        if is_other || names.contains(&feature.name) {
            continue;
        }
        for name in names.iter_mut().filter(|name| **name == column) {
            name.clone_from(&feature.name);
            *in_buckets = true;
        }
    }
    (names, in_buckets)
}

/// The row value of a bucket's field.
///
/// # Errors
/// A [`FieldError`] for what is no bucket of the feature.
pub(super) fn bucket_of(cell: Cell<'_>, feature: &Feature) -> Result<f32, FieldError> {
    let text = cell.text();
    if is_missing_text(&text) {
        return feature.missing_value();
    }
    let number = text.trim().parse::<f32>().ok();
    let bucket = number.and_then(|it| Feature::category_code(feature.n_categories(), it));
    bucket
        .map(|bucket| bucket as f32)
        .ok_or_else(|| FieldError::OutOfDomain {
            field: recorded_column(feature).into_owned(),
            found: text.chars().take(80).collect(),
            expected: format!(
                "a bucket, 0 to {}",
                feature.n_categories().saturating_sub(1)
            ),
        })
}
