//! Tells a tracking server (MLflow, or `DagsHub`, which speaks its REST API) about a run.
//!
//! Everything to send is a [`TrackedRun`], kept in a file of the run's directory together with what
//! the server has acknowledged. [`track`] sends what is left. A server that is down costs a training
//! nothing: the file stays, and `trainer track --replay` sends it later. Nothing is doubled then:
//! the server's run is found by a tag, and each metric carries the time at which it was measured,
//! so that sending it twice is sending the same thing.

mod client;
mod error;
mod mlflow;
mod send;
mod server;
mod tracked_run;

use std::path::Path;

pub use error::TrackError;
pub use server::TrackingServer;
pub use tracked_run::{
    Acknowledged, ArtifactFile, DatasetInput, LoggedMetric, Registration, RunStatus, TrackedRun,
};

use crate::error::TrainerError;

/// Where a run's record lies in its directory.
pub const RECORD_FILE: &str = "track/mlflow.json";

/// What became of sending a run.
#[derive(Debug)]
pub enum Tracked {
    /// The server has everything.
    Sent {
        /// The page of the run.
        page: String,
    },
    /// The server did not take it; the record is kept for `trainer track --replay`.
    Kept(TrackError),
}

/// Sends what the server does not have yet of the run in `run_dir`, whose record is in
/// [`RECORD_FILE`], and writes down what it acknowledged.
///
/// # Errors
/// [`TrainerError`] where the record cannot be read or written: what the server does is no error.
pub fn track(run_dir: &Path, server: &TrackingServer) -> Result<Tracked, TrainerError> {
    let place = run_dir.join(RECORD_FILE);
    let mut run = TrackedRun::read(&place)?;
    let sent = send::send(&mut run, run_dir, server);
    // What was acknowledged before a failure is not sent again.
    run.write(&place)?;
    Ok(match sent {
        Ok(page) => Tracked::Sent { page },
        Err(error) => Tracked::Kept(error),
    })
}
