//! Why a run could not be tracked. No message holds a password or token.

/// Why a run could not be tracked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrackError {
    /// A setting is missing or wrong.
    #[error("{variable}: expected {expected}")]
    Setting {
        /// The environment variable.
        variable: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// The record is not one.
    #[error("{file}: not the record of a run: {found}")]
    Record {
        /// The file.
        file: String,
        /// What was found.
        found: String,
    },
    /// An artifact's path leads out of the run.
    #[error("artifact {path:?}: expected a path inside the run's directory")]
    ArtifactPath {
        /// The path.
        path: String,
    },
    /// An artifact cannot be read.
    #[error("{file}: cannot be read")]
    ArtifactFile {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server did not answer, after some attempts.
    #[error("{request}: no answer from the tracking server after {attempts} attempts: {cause}")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt met.
        cause: String,
    },
    /// The server refused a request.
    #[error("{request}: the tracking server answered {status} {code}: {message}")]
    Refused {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// MLflow's code, such as `INVALID_PARAMETER_VALUE`; may be empty.
        code: String,
        /// What it said, shortened.
        message: String,
    },
    /// The answer is not what MLflow answers.
    #[error("{request}: expected {expected} in the tracking server's answer")]
    Answer {
        /// Method and path.
        request: String,
        /// The missing part.
        expected: &'static str,
    },
    /// The server keeps artifacts where only its own client can put them.
    #[error(
        "the tracking server keeps artifacts at {found:?}; expected mlflow-artifacts:, its artifact proxy (mlflow server --serve-artifacts)"
    )]
    ArtifactStore {
        /// Where, without the rest of the address.
        found: String,
    },
}

impl TrackError {
    /// Whether the user can mend it by other settings or files.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        matches!(
            self,
            Self::Setting { .. }
                | Self::Record { .. }
                | Self::ArtifactPath { .. }
                | Self::ArtifactFile { .. }
                | Self::ArtifactStore { .. }
        )
    }
}
