//! Turns labelled data into a model artifact.
//!
//! [`Dataset`] → [`train`] → artifact bytes → [`Evaluation`] by the scorer that the edge runs:
//!
//! ```
//! use picket_trainer::{Learner, LogisticSettings, Reporter, TrainOptions, phishing_schema, synthetic_rows, train};
//!
//! let data = synthetic_rows(&phishing_schema()?, 400, 1)?;
//! let options = TrainOptions::new(Learner::Logistic(LogisticSettings::default()));
//! let trained = train(&data, &options, Reporter::Silent)?;
//! assert!(trained.evaluation.metric("roc_auc").is_some_and(|auc| auc.value > 0.6));
//! # Ok::<(), picket_trainer::TrainerError>(())
//! ```

pub mod accept;
pub mod alert;
mod calibration;
pub mod command;
mod cross_fit;
mod dataset;
pub mod decide;
mod distinct_rows;
pub mod drift;
mod elastic_net;
pub mod erase;
mod error;
mod evaluation;
mod export;
mod field_sample;
pub mod import;
mod importance;
pub mod ingest;
#[cfg(feature = "serve")]
pub mod jobs;
mod judgement;
mod knn;
pub mod learn;
mod learner;
mod logistic;
pub mod metrics;
pub mod monitor;
mod output_file;
pub mod pipeline;
mod progress;
mod progress_watch;
pub mod publish;
mod random;
pub mod records;
mod reference;
pub mod report;
mod resource_use;
mod retune;
mod row_groups;
pub mod runs;
mod sample;
pub mod search;
#[cfg(feature = "serve")]
pub mod serve;
pub mod signing;
mod split;
mod svm;
mod synthetic;
pub mod track;
mod training;
pub mod transform;
pub mod validate;

pub use calibration::{
    CalibrationMethod, CalibrationRows, FittedCalibration, fit_isotonic, fit_platt,
};
pub use dataset::Dataset;
pub use decide::{DecisionRule, ThresholdRule};
pub use distinct_rows::RowsError;
pub use error::TrainerError;
pub use evaluation::{
    Evaluation, Gate, GateFinding, GateReport, Scores, Slice, SliceReport, SplitComparison,
    SplitMeasure, is_training_data, point_metrics, scored_groups, slice_by, split_comparison,
};
pub use export::{ExportError, tree_table};
pub use field_sample::{FieldModel, FieldOptions, field_sample};
pub use importance::{
    ImportanceError, MeanAbsShap, PermutationImportance, mean_abs_shap, permutation_importance,
};
pub use ingest::{IngestError, RowReader};
pub use judgement::Judgement;
pub use knn::KnnError;
pub use learner::{
    AdaBoostSettings, BaggedSettings, BoostingSettings, Fitted, KnnSettings, Learner,
    LinfaTreeSettings, LogisticSettings, PartsError, StackingSettings, SvmLinearSettings,
    SvmRbfSettings, TreeSettings, VotingSettings,
};
pub use logistic::{LogisticError, fit_logistic};
pub use output_file::OutputFile;
pub use progress::{Reporter, Stage};
pub use progress_watch::{ProgressWatch, WatchId, WatchedProgress};
pub use reference::reference_of;
pub use retune::{Band, RetuneError, RetuneOptions, Retuned, retune};
pub use row_groups::RowGroups;
pub use sample::{SYNTHETIC_NOTE, Sampler, phishing_schema};
pub use split::{Split, SplitError, SplitKind, TEST_SHARE, folds, grouped_folds};
pub use svm::SvmError;
pub use synthetic::synthetic_rows;
pub use training::{TrainOptions, Trained, train};
