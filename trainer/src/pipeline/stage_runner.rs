//! Runs stages one after another and keeps the record of the run true at every moment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::error::TrainerError;
use crate::pipeline::record::{RunRecord, RunState, StageRecord};
use crate::pipeline::run_folder::{RunFolder, StageFolder, timestamp};
use crate::pipeline::stop_flag::StopFlag;
use crate::progress::Reporter;
use crate::search::{SearchError, TaskStores};

/// A run under way.
#[derive(Debug)]
pub(crate) struct StageRunner {
    pub(crate) folder: RunFolder,
    pub(crate) record: RunRecord,
    pub(crate) reporter: Reporter,
    pub(crate) stop: StopFlag,
    pub(crate) task_stores: Arc<dyn TaskStores>,
}

impl StageRunner {
    /// Runs a stage. Its files take their place, and the record says so, when it is done.
    pub(crate) fn stage<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Self, &StageFolder) -> Result<T, TrainerError>,
    ) -> Result<(T, PathBuf), TrainerError> {
        if self.stop.is_raised() {
            return Err(SearchError::Interrupted.into());
        }
        self.note(name, RunState::Running, 0.0)?;
        self.reporter.enter(name);
        let start = Instant::now();
        let stage = self.folder.stage(name)?;
        let result = work(self, &stage)?;
        let place = stage.commit()?;
        self.note(name, RunState::Finished, start.elapsed().as_secs_f64())?;
        Ok((result, place))
    }

    /// Writes into the record how far a stage is.
    pub(crate) fn note(
        &mut self,
        name: &str,
        state: RunState,
        seconds: f64,
    ) -> Result<(), TrainerError> {
        let stages = &mut self.record.stages;
        let place = stages
            .iter()
            .position(|stage| stage.name == name)
            .unwrap_or(stages.len());
        let stage = StageRecord {
            name: name.to_owned(),
            state,
            seconds,
        };
        if place == stages.len() {
            stages.push(stage);
        } else {
            stages[place] = stage;
        }
        self.write_record()
    }

    pub(crate) fn write_record(&self) -> Result<(), TrainerError> {
        self.record.write(self.folder.path())
    }

    /// Writes how the run ended.
    pub(crate) fn end(&mut self, error: Option<&TrainerError>) -> Result<(), TrainerError> {
        let interrupted = matches!(error, Some(TrainerError::Search(SearchError::Interrupted)));
        let state = match error {
            None => RunState::Finished,
            Some(_) if interrupted => RunState::Interrupted,
            Some(_) => RunState::Failed,
        };
        self.record.state = state;
        self.record.error = error.filter(|_| !interrupted).map(ToString::to_string);
        self.record.finished = Some(timestamp());
        for stage in &mut self.record.stages {
            if stage.state == RunState::Running {
                stage.state = state;
            }
        }
        self.write_record()
    }
}
