//! Looks for the best learner: candidates × folds as independent tasks.
//!
//! Each task fits one candidate on the rows outside one fold and scores the rows inside it, through the
//! artifact and the scorer that the edge runs. A task knows its own seed and nothing of other tasks, so
//! the result is the same for every number of threads, and tasks may run on any machine.

mod blend_candidates;
mod candidate;
mod error;
mod fold_plan;
mod fold_records;
mod halving;
mod measure;
mod options;
mod outcome;
mod parameter_space;
mod run;
mod task;
mod task_store;

pub use candidate::Candidate;
pub use error::SearchError;
pub use fold_plan::{Fold, FoldPlan};
pub use measure::SearchMetric;
pub use options::{SearchOptions, Strategy};
pub use outcome::{CandidateRecord, CandidateState, FoldRecord, SearchOutcome};
pub use parameter_space::{Choices, ParameterSpace, SpaceEntry};
pub use run::search;
#[cfg(feature = "serve")]
pub(crate) use task::run_task;
pub use task::{TaskKey, TaskResult};
pub use task_store::{
    AnnouncedTask, Announcement, FolderStore, NoStore, OwnStores, TaskStore, TaskStores,
};
