//! `trainer search`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::run::PipelineOptions;
use crate::error::TrainerError;
use crate::ingest::Ingest;
use crate::pipeline::Choice;
use crate::progress::Reporter;
use crate::search::{CandidateRecord, FolderStore, NoStore, TaskStore, search};

/// Options of `trainer search`.
#[derive(Debug, Args)]
pub struct SearchCommand {
    #[command(flatten)]
    pipeline: PipelineOptions,
    /// Keep finished tasks in this folder, so that a search that was stopped goes on where it was.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// How many threads work; changes nothing in the result [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Print all candidates as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Found<'a> {
    metric: &'a str,
    best: usize,
    choice: Choice,
    candidates: Vec<&'a CandidateRecord>,
}

impl SearchCommand {
    /// Searches on all rows and prints the candidates, best first.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let (config, schema) = self.pipeline.read()?;
        let source = config.data.as_ref().ok_or_else(|| TrainerError::Usage {
            option: "--data".to_owned(),
            expected: "the labelled rows, here or in the pipeline's file".to_owned(),
        })?;
        let reporter = Reporter::for_stderr(self.json);
        let mut ingest = Ingest::new(&schema, source);
        ingest.reporter = reporter;
        let data = ingest.run()?.into_dataset(&schema)?;
        let options = config.search_options();
        let space = config.search.space();
        let store: Box<dyn TaskStore> = match &self.keep {
            Some(folder) => Box::new(FolderStore::new(folder.clone())?),
            None => Box::new(NoStore),
        };
        let outcome = super::on_threads(self.threads.map(usize::from), || {
            search(&data, &space, &options, store.as_ref(), &|| false, reporter)
        })?;
        let candidates = outcome.ranked(options.metric);
        if self.json {
            return super::print_json(&Found {
                metric: options.metric.name(),
                best: outcome.best,
                choice: Choice::of(&outcome.candidates[outcome.best]),
                candidates,
            });
        }
        let lines = candidates
            .iter()
            .map(|record| record.in_words(options.metric) + "\n");
        super::print(&lines.collect::<String>())
    }
}
