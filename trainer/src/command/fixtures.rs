//! `trainer fixtures`
//!
//! Beside each `NAME.picket` stands `NAME.scores.txt`: rows and what they must score for ever. A line is
//! `row,margin,score,verdict`; numbers are their bits in hexadecimal, 8 digits for each f32 of the row
//! and 16 for each f64, so that every reader compares exactly.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use picket_schema::artifact::{ModelTable, NeighbourWeights, Operator};
use picket_schema::{Artifact, FeatureSchema, Verdict};
use picket_wasm_model::{Model, Scorer};

use crate::calibration::CalibrationMethod;
use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::learner::{
    BaggedSettings, BoostingSettings, KnnSettings, Learner, LogisticSettings, SvmRbfSettings,
    TreeSettings, VotingSettings,
};
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::random::Random;
use crate::sample::phishing_schema;
use crate::synthetic::synthetic_rows;
use crate::training::{TrainOptions, train};
use crate::transform::{Encoding, Imputation, Scaling, TransformPlan};

const NSL_KDD: &str = include_str!("../../../schema/schemas/nsl-kdd.toml");
/// Rows that each fixture is trained from.
const N_ROWS: usize = 600;
/// Rows that fixtures are trained from that keep them: behind a transform, or in the model.
const N_KEPT_ROWS: usize = 200;
/// As many where the model keeps them as numbers of 32 bits.
const N_MODEL_ROWS: usize = 100;
/// Rows whose scores are written down.
const N_GOLDEN_ROWS: usize = 64;
/// The seed of rows and models.
const SEED: u64 = 7;

/// Options of `trainer fixtures`.
#[derive(Debug, Args)]
pub struct FixturesCommand {
    /// The directory that the models go to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl FixturesCommand {
    /// Writes one small model of every kind for each schema, as `<schema>-<kind>.picket`.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        fs::create_dir_all(&self.out).map_err(|source| TrainerError::Write {
            file: self.out.clone(),
            source,
        })?;
        let nsl_kdd =
            FeatureSchema::from_toml(NSL_KDD).map_err(|error| TrainerError::Embedded {
                file: "nsl-kdd.toml",
                expected: error.to_string(),
            })?;
        for schema in [phishing_schema()?, nsl_kdd] {
            let data = synthetic_rows(&schema, N_ROWS, SEED)?;
            let few = data.select(&(0..N_KEPT_ROWS).collect::<Vec<_>>());
            for (kind, learner, transform) in kinds() {
                let data = if transform.is_empty() { &data } else { &few };
                let mut options = TrainOptions::new(learner);
                options.transform = transform;
                options.seed = SEED;
                options.name = format!("{}-{kind}", schema.name);
                options.notes = vec!["A fixture: trained on rows without meaning.".to_owned()];
                if kind == "extra-trees" {
                    options.calibration = CalibrationMethod::Isotonic;
                    options.uncertain = Some(0.2);
                }
                // Models that keep rows are as large as their rows.
                let keeps_rows = matches!(kind, "svm-rbf" | "knn" | "voting");
                let few = data.select(&(0..N_MODEL_ROWS).collect::<Vec<_>>());
                let rows = if keeps_rows { &few } else { data };
                let trained = train(rows, &options, Reporter::Silent)?;
                self.write(&options.name, &trained.bytes, data)?;
                if kind == "tree" {
                    let name = format!("{}-less", options.name);
                    self.write(&name, &with_less(&trained.bytes, &name)?, data)?;
                }
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, model: &[u8], data: &Dataset) -> Result<(), TrainerError> {
        let scores = golden_scores(model, data)?;
        OutputFile::write(&self.out.join(format!("{name}.picket")), model)?;
        OutputFile::write(
            &self.out.join(format!("{name}.scores.txt")),
            scores.as_bytes(),
        )
    }
}

/// The same trees with the other operator. Only linfa's trees have it, and no two fits of those are the
/// same for sure.
fn with_less(bytes: &[u8], name: &str) -> Result<Vec<u8>, TrainerError> {
    let mut artifact = Artifact::decode(bytes)?;
    name.clone_into(&mut artifact.card.name);
    if let ModelTable::Trees(trees) = &mut artifact.model {
        trees.operator = Operator::Less;
    }
    Ok(artifact.encode()?)
}

/// Scores of rows of the data, and of rows of anything a f32 may be.
fn golden_scores(bytes: &[u8], data: &Dataset) -> Result<String, TrainerError> {
    let model = Model::load(bytes)?;
    let mut scorer = Scorer::new(&model);
    let mut random = Random::stream(SEED, 4);
    let mut text = "row,margin,score,verdict\n".to_owned();
    for row_idx in 0..N_GOLDEN_ROWS {
        let mut row = data.row(row_idx).to_vec();
        if row_idx % 2 == 1 {
            for value in &mut row {
                *value = strange_value(&mut random, *value);
            }
        }
        let scored = scorer.score(&row)?;
        for value in &row {
            text += &hex(u64::from(value.to_bits()), 8);
        }
        let verdict = match scored.verdict {
            Verdict::Positive => "positive",
            Verdict::Negative => "negative",
            Verdict::Uncertain => "uncertain",
        };
        let (margin, score) = (scored.margin.0.to_bits(), scored.score.0.to_bits());
        text.extend([
            ",",
            &hex(margin, 16),
            ",",
            &hex(score, 16),
            ",",
            verdict,
            "\n",
        ]);
    }
    Ok(text)
}

fn hex(bits: u64, n_digits: usize) -> String {
    format!("{bits:0n_digits$x}")
}

/// Missing, infinite, a neighbour in the last bit, an unknown code, any bits at all, or as it was.
fn strange_value(random: &mut Random, value: f32) -> f32 {
    match random.below(8) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => f32::from_bits(value.to_bits() ^ 1),
        4 => 1000.0 * value + 0.5,
        // One NaN only: which bits a NaN has must not matter.
        5 => Some(f32::from_bits(random.bits() as u32))
            .filter(|x| !x.is_nan())
            .unwrap_or(f32::NAN),
        _ => value,
    }
}

/// A model of every kind, and models behind every kind of step.
fn kinds() -> Vec<(&'static str, Learner, TransformPlan)> {
    let bagged = BaggedSettings {
        n_trees: 5,
        max_depth: 6,
        ..BaggedSettings::default()
    };
    let boosting = BoostingSettings {
        n_trees: 12,
        max_depth: 3,
        ..BoostingSettings::default()
    };
    let tree = TreeSettings {
        max_depth: 6,
        ..TreeSettings::default()
    };
    let svm = SvmRbfSettings {
        c: 3.0,
        ..SvmRbfSettings::default()
    };
    let knn = KnnSettings {
        weights: NeighbourWeights::Distance,
        ..KnnSettings::default()
    };
    let voting = VotingSettings {
        members: vec![
            Learner::Boosting(boosting),
            Learner::Logistic(LogisticSettings::default()),
            Learner::SvmRbf(svm),
            Learner::Tree(tree),
        ],
        n_folds: 2,
        ..VotingSettings::default()
    };
    let logistic = Learner::Logistic(LogisticSettings::default());
    let plain = TransformPlan::default();
    let encoded = TransformPlan {
        impute: Imputation::Median,
        missing_indicators: true,
        encode: Encoding::OneHot,
        encode_ordinal: false,
        scale: Scaling::Standard,
    };
    let imputed = TransformPlan {
        impute: Imputation::Knn {
            n_neighbours: 3,
            weights: NeighbourWeights::Distance,
        },
        encode: Encoding::Target { smoothing: 10.0 },
        scale: Scaling::Robust,
        ..plain
    };
    vec![
        ("forest", Learner::Forest(bagged), plain),
        ("extra-trees", Learner::ExtraTrees(bagged), plain),
        ("boosting", Learner::Boosting(boosting), plain),
        ("tree", Learner::Tree(tree), plain),
        ("logistic", logistic.clone(), plain),
        ("encoded-logistic", logistic, encoded),
        ("imputed-boosting", Learner::Boosting(boosting), imputed),
        ("svm-rbf", Learner::SvmRbf(svm), plain),
        ("knn", Learner::Knn(knn), plain),
        ("voting", Learner::Voting(voting), plain),
    ]
}
