//! What the routes share.

use std::sync::Arc;

use picket_access::Outcome;
use tokio::sync::Semaphore;

use crate::alert::AlertState;
use crate::error::TrainerError;
use crate::jobs::{Jobs, ScheduleAudit, TaskRequest};
use crate::serve::champion::Champion;
use crate::serve::door::Door;
use crate::serve::live::LiveRecords;
use crate::serve::pipelines::Pipelines;
use crate::serve::problem::Problem;
use crate::serve::service_metrics::ServiceMetrics;
use crate::serve::watch::{Watch, WatchSettings};

/// Streams of events at a time.
const MAX_STREAMS: usize = 64;
/// Requests that score at a time: more would only wait for the same cores.
const MAX_SCORING: usize = 8;

/// Characters of a cause that stand in the audit log.
const MAX_CAUSE: usize = 400;

/// What the service is made of.
#[derive(Debug)]
pub struct AppParts {
    /// Tasks and queue.
    pub jobs: Jobs,
    /// What may be trained.
    pub pipelines: Pipelines,
    /// Who may come in.
    pub door: Door,
    /// Where releases are.
    pub champion: Champion,
}

/// What the routes share; a clone is the same.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

/// What a clone of [`App`] leads to.
#[derive(Debug)]
pub struct Shared {
    pub(crate) jobs: Jobs,
    pub(crate) pipelines: Pipelines,
    pub(crate) door: Door,
    pub(crate) champion: Champion,
    pub(crate) live: Box<dyn LiveRecords>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) metrics: ServiceMetrics,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) scoring: Arc<Semaphore>,
}

impl App {
    /// Puts the parts together; the service knows of no edges.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        let watch = Watch::new(WatchSettings::default(), AlertState::in_memory());
        Self::watching(parts, Arc::new(watch))
    }

    /// Puts the parts together, with what is known of edges.
    #[must_use]
    pub fn watching(parts: AppParts, watch: Arc<Watch>) -> Self {
        Self(Arc::new(Shared {
            jobs: parts.jobs,
            pipelines: parts.pipelines,
            door: parts.door,
            champion: parts.champion,
            live: Box::new(Arc::clone(&watch)),
            watch,
            metrics: ServiceMetrics::default(),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            scoring: Arc::new(Semaphore::new(MAX_SCORING)),
        }))
    }

    /// Does what reads files on a thread that may wait.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, TrainerError> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&app));
        match done.await {
            Ok(result) => Ok(result?),
            Err(error) => Err(Problem::internal(&error.to_string())),
        }
    }
}

impl ScheduleAudit for App {
    fn begins(&self, request: &TaskRequest) -> Result<(), TrainerError> {
        // A line of the log has a bound, and a cause may name many features.
        let cause: String = request.cause.chars().take(MAX_CAUSE).collect();
        let details = [
            ("task_id", request.task_id.as_str()),
            ("pipeline", &request.config.name),
            ("cause", &cause),
        ];
        Ok(self
            .door
            .append(&request.by, "train.start", Outcome::Done, &details)?)
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
