//! The coverage that the uncertain band promises, measured.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::path::Path;

use picket_schema::artifact::{Artifact, Decision};
use picket_schema::{FeatureSchema, Score, Verdict};
use picket_trainer::decide::ConformalBand;
use picket_trainer::metrics::{ScoredGroup, ScoredGroups};
use picket_trainer::{
    BoostingSettings, Dataset, Learner, Reporter, RowGroups, Scores, TrainOptions, grouped_folds,
    train,
};
use picket_wasm_model::Model;

/// `SplitMix64` (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Scores of one class that overlap with those of the other; some are tied.
    fn groups(&mut self, n_groups: usize) -> Vec<ScoredGroup> {
        let group = |_| {
            let is_positive = self.unit() < 0.3;
            let centre = if is_positive { 0.62 } else { 0.38 };
            let spread = self.unit() + self.unit() + self.unit() - 1.5;
            let score = (centre + 0.5 * spread).clamp(0.0, 1.0);
            let score = if self.unit() < 0.2 {
                (score * 10.0).round() / 10.0
            } else {
                score
            };
            // Copies: a few groups have most of the rows.
            let n_copies = if self.unit() < 0.05 { 200 } else { 1 };
            ScoredGroup {
                score,
                n_negative: if is_positive { 0 } else { n_copies },
                n_positive: if is_positive { n_copies } else { 0 },
            }
        };
        (0..n_groups).map(group).collect()
    }
}

/// How many distinct rows of a class there are, and for how many the verdict is not the other class.
#[derive(Clone, Copy, Default)]
struct Tally {
    n: usize,
    covered: usize,
    uncertain: usize,
}

impl Tally {
    fn add(&mut self, decision: Decision, score: f64, wrong: Verdict) {
        let verdict = decision.verdict(Score(score));
        self.n += 1;
        self.covered += usize::from(verdict != wrong);
        self.uncertain += usize::from(verdict == Verdict::Uncertain);
    }

    fn share(self) -> f64 {
        self.covered as f64 / self.n as f64
    }
}

/// Negative rows, then positive ones.
fn coverage(decision: Decision, groups: &[ScoredGroup], sums: &mut [Tally; 2]) {
    for group in groups {
        if group.n_negative > 0 {
            sums[0].add(decision, group.score, Verdict::Positive);
        }
        if group.n_positive > 0 {
            sums[1].add(decision, group.score, Verdict::Negative);
        }
    }
}

fn decision(calibration: Vec<ScoredGroup>, alpha: f64, threshold: f64) -> Decision {
    let band = ConformalBand::of(&ScoredGroups::from_groups(calibration), alpha).unwrap();
    Decision {
        threshold,
        uncertain: band.around(threshold),
    }
}

#[test]
fn both_classes_are_covered_over_many_draws() {
    let mut random = Random(12);
    for alpha in [0.02, 0.05, 0.1, 0.3] {
        for (n_calibration, threshold) in [(40, 0.5), (400, 0.5), (400, 0.8), (400, 0.1)] {
            let mut sums = [Tally::default(); 2];
            let n_draws = 300;
            for _ in 0..n_draws {
                let decision = decision(random.groups(n_calibration), alpha, threshold);
                coverage(decision, &random.groups(100), &mut sums);
            }
            for sum in sums {
                // Three standard errors of a share over draws: rows of one draw share its lines, whose own
                // spread is at most that of one row in the smaller class of the calibration rows.
                let n_of_class = 0.3 * n_calibration as f64;
                let variance = alpha * (1.0 - alpha);
                let error =
                    (variance / sum.n as f64 + variance / (n_of_class * f64::from(n_draws))).sqrt();
                assert!(
                    sum.share() >= 1.0 - alpha - 3.0 * error,
                    "alpha {alpha}, {n_calibration} rows, threshold {threshold}: {} of {}",
                    sum.share(),
                    sum.n
                );
            }
        }
    }
}

#[test]
fn the_lines_are_no_more_cautious_than_they_must_be() {
    let mut random = Random(5);
    let mut sums = [Tally::default(); 2];
    for _ in 0..200 {
        let decision = decision(random.groups(2000), 0.1, 0.5);
        coverage(decision, &random.groups(200), &mut sums);
    }
    for sum in sums {
        let share = sum.share();
        assert!(share < 0.92, "{share} is far above the 0.9 asked for");
        assert!(sum.uncertain > 0 && sum.uncertain < sum.n);
    }
}

fn phishing() -> Option<Dataset> {
    let Some(folder) = std::env::var_os("PICKET_DATA_DIR") else {
        eprintln!("SKIPPED: set PICKET_DATA_DIR to a folder with phishing.csv");
        return None;
    };
    let schema = include_str!("../../schema/schemas/phishing.toml");
    let schema = FeatureSchema::from_toml(schema).unwrap();
    Some(Dataset::open_csv(&schema, &Path::new(&folder).join("phishing.csv")).unwrap())
}

fn groups_of(model: &Model<'_>, data: &Dataset) -> Vec<ScoredGroup> {
    let scores = Scores::of(model, data).unwrap().scores;
    ScoredGroups::new(&RowGroups::of(data), &scores, data.labels())
        .groups()
        .to_vec()
}

/// Both ways to a band on grouped splits of the phishing data: lines drawn on rows that were held out
/// (`trainer retune`), for which coverage is a theorem, and on the out-of-fold margins of training.
#[test]
fn phishing_rows_are_covered_on_grouped_splits() {
    const ALPHA: f64 = 0.05;
    let Some(data) = phishing() else { return };
    let groups = RowGroups::of(&data);
    let mut options = TrainOptions::new(Learner::Boosting(BoostingSettings {
        n_trees: 60,
        ..BoostingSettings::default()
    }));
    options.uncertain = Some(ALPHA);
    let (mut held_out, mut in_training) = ([Tally::default(); 2], [Tally::default(); 2]);
    for seed in 0..6 {
        options.seed = seed;
        let folds = grouped_folds(&data, &groups, 5, seed);
        let part = |folds_taken: &[usize]| -> Dataset {
            let rows = (0..data.n_rows()).filter(|row| folds_taken.contains(&folds[*row]));
            data.select(&rows.collect::<Vec<_>>())
        };
        let (training, calibration, test) = (part(&[0, 1, 2]), part(&[3]), part(&[4]));
        let trained = train(&training, &options, Reporter::Silent).unwrap();
        let model = Model::load(&trained.bytes).unwrap();
        let test = groups_of(&model, &test);
        coverage(model.decision(), &test, &mut in_training);
        let decision = decision(groups_of(&model, &calibration), ALPHA, 0.5);
        coverage(decision, &test, &mut held_out);
        let card = Artifact::decode(&trained.bytes).unwrap().card;
        assert!(card.parameters["uncertain"].contains("split conformal"));
    }
    for (way, sums) in [("held out", held_out), ("in training", in_training)] {
        for (class, sum) in ["negative", "positive"].into_iter().zip(sums) {
            // The lines of a split stand on a fifth of the rows: about 500 of each class.
            let variance = ALPHA * (1.0 - ALPHA);
            let error = (variance / sum.n as f64 + variance / (6.0 * 500.0)).sqrt();
            println!(
                "{way}, {class}: {:.4} of {} covered, {:.4} uncertain",
                sum.share(),
                sum.n,
                sum.uncertain as f64 / sum.n as f64
            );
            assert!(
                sum.share() >= 1.0 - ALPHA - 3.0 * error,
                "{way}, {class}: {}",
                sum.share()
            );
        }
    }
}
