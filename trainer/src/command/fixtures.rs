//! `trainer fixtures`

use std::fs;
use std::path::PathBuf;

use clap::Args;
use picket_schema::FeatureSchema;

use crate::error::TrainerError;
use crate::learner::{BaggedSettings, BoostingSettings, Learner, TreeSettings};
use crate::output_file::OutputFile;
use crate::progress::Reporter;
use crate::sample::phishing_schema;
use crate::synthetic::synthetic_rows;
use crate::training::{TrainOptions, train};

const NSL_KDD: &str = include_str!("../../../schema/schemas/nsl-kdd.toml");
/// Rows that each fixture is trained from.
const N_ROWS: usize = 600;
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
            for (kind, learner) in learners() {
                let mut options = TrainOptions::new(learner);
                options.seed = SEED;
                options.name = format!("{}-{kind}", schema.name);
                options.notes = vec!["A fixture: trained on rows without meaning.".to_owned()];
                let trained = train(&data, &options, Reporter::Silent)?;
                let place = self.out.join(format!("{}.picket", options.name));
                OutputFile::write(&place, &trained.bytes)?;
            }
        }
        Ok(())
    }
}

fn learners() -> Vec<(&'static str, Learner)> {
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
    vec![
        ("forest", Learner::Forest(bagged)),
        ("extra-trees", Learner::ExtraTrees(bagged)),
        ("boosting", Learner::Boosting(boosting)),
        ("tree", Learner::Tree(tree)),
        ("logistic", Learner::Logistic { l2: 1.0 }),
    ]
}
