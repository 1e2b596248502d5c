//! From margin to score, with the same bits on every host.

use picket_schema::artifact::{Calibration, Isotonic, Platt};
use picket_schema::{Margin, Score};

use crate::sigmoid::sigmoid;

/// The score of a margin.
///
/// ```
/// use picket_schema::artifact::{Calibration, Isotonic};
/// use picket_schema::{Margin, Score};
///
/// let knots = Isotonic::from_knots(&[(-1.0, 0.0), (1.0, 0.5)]);
/// let calibration = Calibration::Isotonic(knots);
/// assert_eq!(picket_wasm_model::calibrated(&calibration, Margin(0.0)), Score(0.25));
/// assert_eq!(picket_wasm_model::calibrated(&calibration, Margin(7.0)), Score(0.5));
/// ```
#[must_use]
pub fn calibrated(calibration: &Calibration<'_>, margin: Margin) -> Score {
    Score(match calibration {
        Calibration::Platt(platt) => sigmoid(log_odds(*platt, margin.0)),
        Calibration::Isotonic(isotonic) => between_knots(isotonic, margin.0),
    })
}

/// What the sigmoid is taken of.
pub(crate) fn log_odds(platt: Platt, margin: f64) -> f64 {
    platt.slope * margin + platt.intercept
}

/// Linear between the two knots around a margin; the score of the end knot beyond.
fn between_knots(isotonic: &Isotonic<'_>, margin: f64) -> f64 {
    let (margins, scores) = (isotonic.margins(), isotonic.scores());
    let margin_at = |knot: &[u8; 8]| f64::from_le_bytes(*knot);
    let above = margins.partition_point(|knot| margin_at(knot) <= margin);
    let score_at = |knot: usize| scores.get(knot).map_or(0.0, |s| f64::from_le_bytes(*s));
    let below = above.saturating_sub(1);
    if above == 0 || above == margins.len() {
        return score_at(below);
    }
    let (m0, m1) = (margin_at(&margins[below]), margin_at(&margins[above]));
    let (s0, s1) = (score_at(below), score_at(above));
    // The knots are distinct, so the divisor is not 0. Rounding may pass s1: the function would fall there.
    (s0 + (s1 - s0) * ((margin - m0) / (m1 - m0))).min(s1)
}
