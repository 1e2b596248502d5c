//! Everything that can go wrong, and whose fault it is.

use std::io::ErrorKind;
use std::path::PathBuf;

use picket_schema::{ArtifactError, SchemaError};
use picket_wasm_model::RowError;

use crate::accept::AcceptError;
use crate::alert::AlertError;
use crate::decide::DecideError;
use crate::export::ExportError;
use crate::import::ImportError;
use crate::ingest::IngestError;
use crate::knn::KnnError;
use crate::learn::LearnError;
use crate::learner::PartsError;
use crate::logistic::LogisticError;
use crate::publish::PublishError;
use crate::records::RecordsError;
use crate::retune::RetuneError;
use crate::search::SearchError;
use crate::signing::SigningError;
use crate::split::SplitError;
use crate::svm::SvmError;
use crate::track::TrackError;
use crate::transform::TransformError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainerError {
    /// The rows are not as they should be.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The rows cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A tree learner refused its rows or parameters.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// No candidate can be chosen.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Nothing was signed or verified.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The logistic regression failed.
    #[error(transparent)]
    Logistic(#[from] LogisticError),
    /// The nearest neighbours cannot be kept.
    #[error(transparent)]
    Knn(#[from] KnnError),
    /// The support vector machine cannot be fitted.
    #[error(transparent)]
    Svm(#[from] SvmError),
    /// A kind and parameters name no learner.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The transform cannot be fitted.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// The threshold or the uncertain band cannot be chosen so.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// A model cannot be retuned so.
    #[error(transparent)]
    Retune(#[from] RetuneError),
    /// Two models cannot be compared.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// The challenger is not better than the champion, or not good enough.
    #[error("the challenger is rejected: {reason}")]
    Rejected {
        /// Why, with the numbers.
        reason: String,
    },
    /// The rows are too few to tell whether the challenger is better.
    #[error("there is not enough evidence to accept the challenger: {reason}")]
    NotEnoughEvidence {
        /// Why, with the numbers.
        reason: String,
    },
    /// The schema's file is wrong.
    #[error("{file}: {source}")]
    Schema {
        /// The file.
        file: String,
        /// What is wrong.
        source: SchemaError,
    },
    /// The model's file is not a model.
    #[error("{file}: not a model file: {source}")]
    Model {
        /// The file.
        file: String,
        /// What is wrong.
        source: ArtifactError,
    },
    /// A peer's model cannot be imported.
    #[error("{file}: {source}")]
    Import {
        /// The file.
        file: String,
        /// What is wrong.
        source: ImportError,
    },
    /// A job cannot be kept or handed out.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Jobs(#[from] crate::jobs::JobError),
    /// The service does not start.
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Serve(#[from] crate::serve::ServeError),
    /// A run cannot be tracked.
    #[error(transparent)]
    Track(#[from] TrackError),
    /// A run's record is not one.
    #[error("{file}: not the record of a run: {found}")]
    RunRecord {
        /// The file.
        file: String,
        /// What was found.
        found: String,
    },
    /// Releases cannot be read or written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The records of edges cannot be read or changed.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// Alerts cannot be kept or told.
    #[error(transparent)]
    Alert(#[from] AlertError),
    /// The audit log does not take an event.
    #[error("the audit log: {0}")]
    Audit(#[from] picket_access::AuditError),
    /// A subject's pseudonym cannot be made.
    #[error(transparent)]
    Pseudonym(#[from] picket_schema::record::KeyTooShort),
    /// Options that do not go together.
    #[error("{option}: {expected}")]
    Usage {
        /// The option.
        option: String,
        /// What was expected.
        expected: String,
    },
    /// The pipeline's file is wrong.
    #[error("{file}: {reason}")]
    Pipeline {
        /// The file.
        file: String,
        /// What is wrong, where, and what was expected.
        reason: String,
    },
    /// The folder of a run cannot be used.
    #[error("{folder}: found {found}; expected {expected}")]
    RunFolder {
        /// The folder, or a file in it.
        folder: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// Someone asked a run to stop.
    #[error("interrupted; go on with: trainer run --resume {}", .folder.display())]
    Interrupted {
        /// The folder of the run.
        folder: PathBuf,
    },
    /// A refit gave another model.
    #[error("the refit gave {found}; the run's model is {expected}")]
    NotReproduced {
        /// The digest of the refitted model.
        found: String,
        /// The digest of the run's.
        expected: String,
    },
    /// linfa's tree cannot learn from a feature.
    #[error("{feature:?}: found {found}; linfa's tree expects numbers without gaps")]
    NotForLinfa {
        /// The feature.
        feature: String,
        /// What it has.
        found: &'static str,
    },
    /// A file could not be read.
    #[error("{file}: cannot be read")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot be written", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The fitted model does not fit into an artifact.
    #[error("the fitted model cannot be written: {0}")]
    Export(#[from] ExportError),
    /// The artifact made here is not valid.
    #[error("the fitted model makes no valid artifact: {0}")]
    Artifact(#[from] ArtifactError),
    /// A row does not fit the model.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The threads could not be started.
    #[error("the threads could not be started")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    /// Everything was done, and the answer is no: a check that was asked for did not pass.
    #[error("the gate is closed: {reason}")]
    Gate {
        /// What did not pass.
        reason: String,
    },
    /// A report could not be written as JSON.
    #[error("the report cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The embedded statistics or schemas are broken.
    #[error("the embedded file {file} is broken: expected {expected}")]
    Embedded {
        /// The file.
        file: &'static str,
        /// What was expected.
        expected: String,
    },
}

impl TrainerError {
    /// Whether the user can mend it: wrong data, a wrong file, a wrong option.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        match self {
            Self::Ingest(error) => !matches!(error, IngestError::Shape { .. }),
            Self::Split(_)
            | Self::Search(_)
            | Self::Pipeline { .. }
            | Self::RunFolder { .. }
            | Self::Interrupted { .. }
            | Self::Parts(_)
            | Self::Transform(_)
            | Self::Decide(_)
            | Self::Rejected { .. }
            | Self::NotEnoughEvidence { .. }
            | Self::Knn(_)
            | Self::Svm(_)
            | Self::Schema { .. }
            | Self::Model { .. }
            | Self::Usage { .. }
            | Self::NotForLinfa { .. }
            | Self::Read { .. }
            | Self::RunRecord { .. }
            | Self::Alert(_)
            | Self::Audit(_)
            | Self::Pseudonym(_)
            // Too many distinct questions or leaves too large: other parameters help.
            | Self::Export(_) => true,
            Self::Write { source, .. } => matches!(
                source.kind(),
                ErrorKind::NotFound
                    | ErrorKind::PermissionDenied
                    | ErrorKind::IsADirectory
                    | ErrorKind::NotADirectory
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::InvalidInput
            ),
            Self::Import { source, .. } => source.is_input_error(),
            #[cfg(feature = "serve")]
            Self::Jobs(error) => error.is_input_error(),
            #[cfg(feature = "serve")]
            Self::Serve(error) => error.is_input_error(),
            Self::Signing(error) => error.is_input_error(),
            Self::Track(error) => error.is_input_error(),
            Self::Retune(error) => !matches!(error, RetuneError::Artifact(_) | RetuneError::Row(_)),
            Self::Accept(error) => !matches!(error, AcceptError::Row(_)),
            Self::Publish(error) => error.is_input_error(),
            Self::Records(error) => error.is_input_error(),
            Self::Learn(error) => !matches!(error, LearnError::Linfa(_)),
            Self::Logistic(error) => matches!(error, LogisticError::Penalty { .. }),
            Self::Artifact(_)
            | Self::NotReproduced { .. }
            | Self::Row(_)
            | Self::Threads(_)
            | Self::Gate { .. }
            | Self::Json(_)
            | Self::Embedded { .. } => false,
        }
    }

    /// The process's exit code: 3 and 4 for answers that are no faults, 2 for what the user can mend, as clap
    /// does for wrong options, 1 for what is our fault.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Rejected { .. } | Self::Gate { .. } => 3,
            Self::NotEnoughEvidence { .. } => 4,
            // As a shell says of a process that SIGINT ended.
            Self::Interrupted { .. } => 130,
            _ if self.is_input_error() => 2,
            _ => 1,
        }
    }

    /// Whether the reader of the output went away, as `head` does.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
