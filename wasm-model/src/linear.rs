//! The linear model: each term is added in the order of the file, in f64.

use picket_schema::artifact::{Linear, ModelColumns, Term};
use picket_schema::{Feature, Margin};

/// What one term adds for a row.
fn term_value(term: &Term<'_>, columns: &ModelColumns, row: &[f32]) -> f64 {
    let x = row[term.feature_idx()];
    match term {
        Term::Numeric {
            fill,
            mean,
            scale,
            weight,
            missing_weight,
            ..
        } => {
            let missing = x.is_nan();
            // ±∞ would make a NaN of the sum: it counts as the largest number of its sign.
            let x = if missing {
                *fill
            } else {
                x.clamp(f32::MIN, f32::MAX)
            };
            let value = ((f64::from(x) - mean) / scale) * weight;
            if missing {
                value + missing_weight
            } else {
                value
            }
        }
        Term::OneHot { missing_weight, .. } => {
            let n_categories = columns.n_categories(term.feature_idx());
            Feature::category_code(n_categories, x)
                .and_then(|code| term.category_weight(code))
                .unwrap_or(*missing_weight)
        }
    }
}

fn background(term: &Term<'_>) -> f64 {
    match term {
        Term::Numeric { background, .. } | Term::OneHot { background, .. } => *background,
    }
}

/// The margin of a row. Shape of `row`: `(n_columns,)`.
pub(crate) fn margin(linear: &Linear<'_>, columns: &ModelColumns, row: &[f32]) -> Margin {
    let sum = linear.terms.iter().fold(linear.bias, |sum, term| {
        sum + term_value(term, columns, row)
    });
    Margin(sum)
}

/// Contributions relative to the training mean: exact for a linear model with independent
/// features (Lundberg and Lee, 2017, section 4.1). Adds to `contributions`, shape `(n_columns,)`,
/// and returns the base.
pub(crate) fn explain(
    linear: &Linear<'_>,
    columns: &ModelColumns,
    row: &[f32],
    contributions: &mut [f64],
) -> f64 {
    let mut base = linear.bias;
    for term in &linear.terms {
        contributions[term.feature_idx()] += term_value(term, columns, row) - background(term);
        base += background(term);
    }
    base
}
