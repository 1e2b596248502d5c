//! Turns labelled data into a model artifact.
//!
//! [`Dataset`] → [`train`] → artifact bytes → [`Evaluation`] by the scorer that the edge runs:
//!
//! ```
//! use picket_trainer::{Learner, Reporter, TrainOptions, phishing_schema, synthetic_rows, train};
//!
//! let data = synthetic_rows(&phishing_schema()?, 400, 1)?;
//! let options = TrainOptions::new(Learner::Logistic { l2: 1.0 });
//! let trained = train(&data, &options, Reporter::Silent)?;
//! assert!(trained.evaluation.metric("roc_auc").is_some_and(|auc| auc.value > 0.6));
//! # Ok::<(), picket_trainer::TrainerError>(())
//! ```

mod calibration;
pub mod command;
mod dataset;
mod error;
mod evaluation;
mod export;
pub mod import;
mod importance;
mod ingest;
mod ingest_error;
pub mod learn;
mod learner;
mod line_counter;
mod logistic;
pub mod metrics;
mod output_file;
mod progress;
pub mod publish;
mod random;
mod reference;
pub mod report;
mod resource_use;
mod row_groups;
pub mod runs;
mod sample;
mod split;
mod synthetic;
mod threshold;
pub mod track;
mod training;

pub use calibration::fit_platt;
pub use dataset::Dataset;
pub use error::TrainerError;
pub use evaluation::{Evaluation, Scores, is_training_data};
pub use export::{ExportError, tree_table};
pub use ingest::RowReader;
pub use ingest_error::IngestError;
pub use learner::{
    BaggedSettings, BoostingSettings, Fitted, Learner, LinfaTreeSettings, TreeSettings,
};
pub use logistic::{LogisticError, fit_logistic};
pub use output_file::OutputFile;
pub use progress::{Reporter, Stage};
pub use reference::reference_of;
pub use row_groups::RowGroups;
pub use sample::{SYNTHETIC_NOTE, Sampler, phishing_schema};
pub use split::{Split, SplitError, SplitKind, TEST_SHARE, grouped_folds};
pub use synthetic::synthetic_rows;
pub use threshold::ThresholdRule;
pub use training::{TrainOptions, Trained, train};
