//! Isotonic regression: the function that never falls and comes nearest to the labels.

use picket_schema::artifact::Isotonic;
use picket_schema::limits;

/// Neighbouring margins that got one score.
#[derive(Clone, Copy)]
struct Block {
    /// The first of them, as a place among the distinct margins.
    first: usize,
    last: usize,
    positive_weight: f64,
    weight: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.positive_weight / self.weight
    }
}

/// Fits an isotonic calibration to margins of rows that the model did not learn from, by pooling adjacent
/// violators (Ayer, Brunk, Ewing, Reid and Silverman, Annals of Mathematical Statistics 26, 1955; weighted).
///
/// Equal margins are one observation first. Between two knots the function is linear and beyond the ends
/// constant, as in scikit-learn's `IsotonicRegression(out_of_bounds="clip")`. Of a flat run only the two
/// ends stay, for the knots between say nothing. `margins`, `labels` and `weights` have shape `(n_rows,)`;
/// rows without weight and margins that are not finite count nothing.
///
/// # Panics
/// When the shapes differ.
#[must_use]
pub fn fit_isotonic(margins: &[f64], labels: &[bool], weights: &[f64]) -> Isotonic<'static> {
    assert_eq!(margins.len(), labels.len(), "one label for each margin");
    assert_eq!(margins.len(), weights.len(), "one weight for each margin");
    let points = distinct_points(margins, labels, weights);
    if points.is_empty() {
        // Nothing is known: both classes are equally likely.
        return Isotonic::from_knots(&[(0.0, 0.5)]);
    }
    let mut knots: Vec<(f64, f64)> = Vec::new();
    for block in pool(&points) {
        let score = block.mean().clamp(0.0, 1.0);
        knots.push((points[block.first].margin, score));
        if block.last > block.first {
            knots.push((points[block.last].margin, score));
        }
    }
    Isotonic::from_knots(&thinned(knots))
}

struct Point {
    margin: f64,
    positive_weight: f64,
    weight: f64,
}

/// The distinct margins, ascending.
fn distinct_points(margins: &[f64], labels: &[bool], weights: &[f64]) -> Vec<Point> {
    let limit = limits::MAX_KNOT_MARGIN;
    let mut order: Vec<usize> = (0..margins.len())
        .filter(|row| margins[*row].abs() <= limit && weights[*row] > 0.0)
        .collect();
    order.sort_by(|a, b| margins[*a].total_cmp(&margins[*b]));
    let mut points: Vec<Point> = Vec::new();
    for row in order {
        let (weight, label) = (weights[row], f64::from(u8::from(labels[row])));
        match points.last_mut() {
            Some(point) if point.margin == margins[row] => {
                point.positive_weight += weight * label;
                point.weight += weight;
            }
            _ => points.push(Point {
                margin: margins[row],
                positive_weight: weight * label,
                weight,
            }),
        }
    }
    points
}

/// Puts neighbours together until the means rise.
fn pool(points: &[Point]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (at, point) in points.iter().enumerate() {
        let mut block = Block {
            first: at,
            last: at,
            positive_weight: point.positive_weight,
            weight: point.weight,
        };
        while let Some(before) = blocks.last().filter(|before| before.mean() >= block.mean()) {
            block.first = before.first;
            block.positive_weight += before.positive_weight;
            block.weight += before.weight;
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks
}

/// No more knots than an artifact may have: both ends, and of the others every so many.
fn thinned(knots: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let (n, most) = (knots.len(), limits::MAX_CALIBRATION_KNOTS);
    if n <= most {
        return knots;
    }
    (0..most)
        .map(|at| knots[at * (n - 1) / (most - 1)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knots(margins: &[f64], labels: &[bool], weights: &[f64]) -> Vec<(f64, f64)> {
        fit_isotonic(margins, labels, weights).knots().collect()
    }

    #[test]
    fn violators_are_pooled_and_flat_runs_keep_their_ends() {
        let margins = [5.0, 1.0, 2.0, 3.0, 4.0];
        let labels = [true, false, true, false, true];
        assert_eq!(
            knots(&margins, &labels, &[1.0; 5]),
            [(1.0, 0.0), (2.0, 0.5), (3.0, 0.5), (4.0, 1.0), (5.0, 1.0)]
        );
        assert_eq!(
            knots(&margins, &labels, &[1.0, 1.0, 1.0, 3.0, 1.0]),
            [(1.0, 0.0), (2.0, 0.25), (3.0, 0.25), (4.0, 1.0), (5.0, 1.0)]
        );
    }

    #[test]
    fn equal_margins_and_one_class_are_one_knot() {
        assert_eq!(
            knots(&[0.5; 4], &[true, false, false, false], &[1.0; 4]),
            [(0.5, 0.25)]
        );
        assert_eq!(
            knots(&[-0.0, 0.0, 1.0], &[true, true, true], &[1.0; 3]),
            [(-0.0, 1.0), (1.0, 1.0)]
        );
        assert_eq!(knots(&[], &[], &[]), [(0.0, 0.5)]);
        assert_eq!(
            knots(&[f64::NAN, f64::INFINITY, 2.0], &[true; 3], &[1.0; 3]),
            [(2.0, 1.0)]
        );
    }

    #[test]
    fn a_ranking_that_is_backwards_says_the_prior() {
        let margins: Vec<f64> = (0..8).map(f64::from).collect();
        let labels = [true, true, false, false, false, false, false, false];
        assert_eq!(
            knots(&margins, &labels, &[1.0; 8]),
            [(0.0, 0.25), (7.0, 0.25)]
        );
    }

    #[test]
    fn knots_are_thinned_to_what_an_artifact_holds() {
        let n = limits::MAX_CALIBRATION_KNOTS * 2 + 3;
        let many: Vec<(f64, f64)> = (0..n).map(|i| (i as f64, i as f64 / n as f64)).collect();
        let few = thinned(many.clone());
        assert_eq!(few.len(), limits::MAX_CALIBRATION_KNOTS);
        assert_eq!((few.first(), few.last()), (many.first(), many.last()));
        assert!(few.is_sorted_by(|a, b| a.0 < b.0));
    }
}
