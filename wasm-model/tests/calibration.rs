//! Scores of margins through an isotonic calibration.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]
#![allow(dead_code, reason = "other tests use the rest of the models")]

mod models;

use models::Random;
use picket_schema::artifact::{Artifact, Calibration, Isotonic, Operator};
use picket_schema::{Margin, Verdict};
use picket_wasm_model::{Explainer, ExplanationUnit, Model, Scorer, calibrated, naive};

/// The same function by looking at one pair of knots after the other.
fn searched(knots: &[(f64, f64)], margin: f64) -> f64 {
    let (first, last) = (knots[0], knots[knots.len() - 1]);
    if margin <= first.0 {
        return first.1;
    }
    if margin >= last.0 {
        return last.1;
    }
    for pair in knots.windows(2) {
        let ((m0, s0), (m1, s1)) = (pair[0], pair[1]);
        if m0 <= margin && margin < m1 {
            return (s0 + (s1 - s0) * ((margin - m0) / (m1 - m0))).min(s1);
        }
    }
    unreachable!("the margin is between the ends")
}

fn random_knots(random: &mut Random) -> Vec<(f64, f64)> {
    let n = 1 + random.below(30);
    let mut unit = || random.bits() as f64 / u64::MAX as f64;
    let (mut margins, mut scores): (Vec<f64>, Vec<f64>) =
        (0..n).map(|_| (20.0 * unit() - 10.0, unit())).unzip();
    margins.sort_by(f64::total_cmp);
    scores.sort_by(f64::total_cmp);
    margins.into_iter().zip(scores).collect()
}

#[test]
fn scores_are_those_of_a_plain_search_and_never_fall() {
    let mut random = Random(3);
    for _ in 0..200 {
        let knots = random_knots(&mut random);
        let calibration = Calibration::Isotonic(Isotonic::from_knots(&knots));
        let mut margins: Vec<f64> = (0..200)
            .map(|_| f64::from((random.bits() as u32).cast_signed()) / 1e8)
            .collect();
        for (margin, _) in &knots {
            margins.extend([*margin, margin.next_up(), margin.next_down()]);
        }
        margins.extend([-0.0, 0.0, 1e300, -1e300]);
        margins.sort_by(f64::total_cmp);
        let mut last = 0.0;
        for margin in margins {
            let score = calibrated(&calibration, Margin(margin)).0;
            assert_eq!(score.to_bits(), searched(&knots, margin).to_bits());
            assert!(
                (last..=1.0).contains(&score),
                "{margin}: {score} after {last}"
            );
            last = score;
        }
    }
}

#[test]
fn knots_have_their_own_scores_and_ends_are_clipped() {
    let knots = [(-2.0, 0.125), (1.0, 0.25), (1.5, 1.0)];
    let calibration = Calibration::Isotonic(Isotonic::from_knots(&knots));
    let score = |margin| calibrated(&calibration, Margin(margin)).0;
    for (margin, expected) in knots {
        assert_eq!(score(margin), expected);
    }
    assert_eq!((score(-3.0), score(9.0)), (0.125, 1.0));
    assert_eq!((score(-0.5), score(1.25)), (0.1875, 0.625));
    // The widest step there may be neither overflows nor divides by nothing.
    let wide = Calibration::Isotonic(Isotonic::from_knots(&[(-1e100, 0.0), (1e100, 1.0)]));
    assert_eq!(calibrated(&wide, Margin(0.0)).0, 0.5);
    let narrow = Isotonic::from_knots(&[(0.0, 0.0), (f64::from_bits(1), 1.0)]);
    assert_eq!(
        calibrated(&Calibration::Isotonic(narrow), Margin(0.0)).0,
        0.0
    );
}

#[test]
fn all_scorers_judge_by_it_and_explanations_stay_in_margins() {
    for bytes in [
        models::trees(11, Operator::LessEqual, 30, 6),
        models::linear(2),
    ] {
        judge_all(&bytes);
    }
}

fn judge_all(bytes: &[u8]) {
    let mut artifact = Artifact::decode(bytes).unwrap();
    let scored = Scorer::new(&Model::load(bytes).unwrap())
        .score_batch(&rows())
        .unwrap();
    let mut margins: Vec<f64> = scored.iter().map(|scored| scored.margin.0).collect();
    margins.sort_by(f64::total_cmp);
    // A quarter of the margins lies beyond each end.
    let (low, high) = (margins[margins.len() / 4], margins[margins.len() * 3 / 4]);
    let knots = [(low, 0.0), (high, 1.0)];
    artifact.calibration = Calibration::Isotonic(Isotonic::from_knots(&knots));
    artifact.decision.uncertain = Some([0.2, 0.8]);
    let bytes = artifact.encode().unwrap();
    let model = Model::load(&bytes).unwrap();
    let unit = ExplanationUnit::of(model.calibration());
    assert_eq!(unit.name(), "margin");
    let (rows, mut seen) = (rows(), Vec::new());
    let batch = Scorer::new(&model).score_batch(&rows).unwrap();
    for (row, scored) in rows.chunks_exact(model.n_features()).zip(batch) {
        assert_eq!(naive::score(&model, row).unwrap(), scored);
        let expected = ((scored.margin.0 - low) / (high - low)).clamp(0.0, 1.0);
        assert!((scored.score.0 - expected).abs() < 1e-12);
        seen.push(scored.verdict);
        let explanation = Explainer::new(&model).explain(row).unwrap();
        let (base, contributions) = explanation.in_unit(unit);
        assert_eq!(
            (base, &contributions),
            (explanation.base, &explanation.contributions)
        );
        assert_eq!(unit.of_margin(scored.margin.0), scored.margin.0);
    }
    for verdict in [Verdict::Positive, Verdict::Negative, Verdict::Uncertain] {
        assert!(seen.contains(&verdict), "{verdict:?}");
    }
}

/// Rows whose infinities do not drown the others. Shape: `(500, n_features)`.
fn rows() -> Vec<f32> {
    let mut random = Random(5);
    let rows = (0..500).flat_map(|_| models::row(&mut random));
    rows.map(|x| if x.abs() > 1e3 { 1e3 } else { x }).collect()
}
