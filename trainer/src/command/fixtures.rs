//! `trainer fixtures`

use std::fs;
use std::path::PathBuf;

use clap::Args;
use picket_schema::{FeatureSchema, Kind};

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::learner::{BaggedSettings, BoostingSettings, Learner, LinfaTreeSettings, TreeSettings};
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
                let data = match learner {
                    Learner::LinfaTree(_) if has_categories(&schema) => continue,
                    Learner::LinfaTree(_) => rows_for_linfa(&data)?,
                    _ => data.clone(),
                };
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

fn has_categories(schema: &FeatureSchema) -> bool {
    schema
        .features
        .iter()
        .any(|feature| feature.kind() == Kind::Categorical)
}

/// Rows without gaps whose label is what most of the first three features say. A tree of depth 3 tells
/// them apart purely, so that no leaf has a tie, which linfa would break by chance.
fn rows_for_linfa(data: &Dataset) -> Result<Dataset, TrainerError> {
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for row in (0..data.n_rows()).map(|row_idx| data.row(row_idx)) {
        if row.iter().all(|value| !value.is_nan()) {
            values.extend_from_slice(row);
            labels.push(row.iter().take(3).filter(|value| **value > 0.0).count() >= 2);
        }
    }
    let schema = data.schema().clone();
    Ok(Dataset::new(schema, values, labels, "the synthetic rows")?)
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
    let linfa_tree = LinfaTreeSettings {
        max_depth: 4,
        min_leaf: 5.0,
    };
    vec![
        ("forest", Learner::Forest(bagged)),
        ("extra-trees", Learner::ExtraTrees(bagged)),
        ("boosting", Learner::Boosting(boosting)),
        ("tree", Learner::Tree(tree)),
        ("linfa-tree", Learner::LinfaTree(linfa_tree)),
        ("logistic", Learner::Logistic { l2: 1.0 }),
    ]
}
