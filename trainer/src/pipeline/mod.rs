//! One command from raw records to an accepted, tracked, explained and published model.
//!
//! [`run_pipeline`] goes through the stages in one direction: ingest (with validation) → drift → split → search →
//! model → evaluate → accept → report → track → publish. Each leaves its files in the run's folder when it is done.
//! A run that was stopped goes on where it was: rows, finished tasks of the search and the fitted model are
//! taken from the folder; what is cheap is done again.

mod choice;
mod config;
mod context;
pub(crate) mod dataset_file;
mod judge_stages;
mod learn_stages;
mod record;
mod reproduce;
mod row_stages;
mod run;
mod run_folder;
mod stage_runner;
mod standard_space;
mod stop_flag;
mod tell_stages;
mod track_stage;

pub use choice::Choice;
pub use config::{
    AcceptSection, CalibrateSection, DecideSection, DriftSection, EvaluateSection, MethodName,
    PipelineConfig, PublishSection, SearchSection, SplitSection, StrategyName, TrackSection,
};
#[cfg(feature = "serve")]
pub(crate) use learn_stages::TASK_FOLDER;
pub use record::{MetricRecord, OutcomeRecord, RECORD_FILE, RunRecord, RunState, StageRecord};
pub use reproduce::{Reproduced, reproduce};
pub use run::{RunOptions, RunResult, resume, run_pipeline};
pub use run_folder::RunFolder;
pub use standard_space::standard_space;
pub use stop_flag::StopFlag;
#[cfg(feature = "serve")]
pub(crate) use tell_stages::check_signing;
