//! A candidate on a fold, done by any worker.
//!
//! Who runs the training writes what all tasks of a search share into the run's folder once: the training rows and
//! a plan. A message names a task of it. The result goes where the search looks for it, under a name that is the digest
//! of all that it depends on; a worker whose data, code or plan differ would compute another name, and does
//! nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use picket_schema::FeatureSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::jobs::state_folder::{StateFolder, read_json, try_lock};
use crate::jobs::task_id::TaskId;
use crate::output_file::OutputFile;
use crate::pipeline::dataset_file;
use crate::pipeline::{Choice, TASK_FOLDER};
use crate::row_groups::RowGroups;
use crate::search::{Announcement, FoldPlan, FolderStore, TaskKey, TaskStore, run_task};
use crate::split::SplitKind;

/// Searches whose rows a worker keeps in memory.
const MAX_LOADED: usize = 2;

/// Names a task of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchJob {
    /// The training.
    pub task_id: TaskId,
    /// The plan's name in the folder of the search.
    pub plan: String,
    /// What the result is kept under, in hexadecimal digits.
    pub key: String,
    /// The candidate's number in the plan.
    pub candidate_idx: usize,
    /// The fold's number.
    pub fold: usize,
    /// The bits of the share of the distinct rows that it learns from: a number that must come through exactly.
    pub share_bits: u64,
}

/// What the tasks of a search share.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SearchPlan {
    schema: FeatureSchema,
    data_digest: String,
    split: SplitKind,
    n_folds: usize,
    seed: u64,
    candidates: Vec<Choice>,
}

impl SearchPlan {
    /// The plan of an announced round.
    pub(super) fn of(round: &Announcement<'_>) -> Self {
        Self {
            schema: round.data.schema().clone(),
            data_digest: round.data.digest().to_string(),
            split: round.options.split,
            n_folds: round.options.n_folds,
            seed: round.options.seed,
            candidates: round.candidates.iter().map(Choice::of).collect(),
        }
    }

    /// Writes plan and rows into the folder of a search, and gives the plan's name.
    pub(super) fn write(&self, folder: &Path, data: &Dataset) -> Result<String, TrainerError> {
        use sha2::{Digest, Sha256};
        let text = serde_json::to_vec(self)?;
        let digest = Sha256::digest(&text);
        // Eight bytes tell the few plans of one run apart.
        let name = u64::from_be_bytes([
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ]);
        let name = format!("{name:016x}");
        let rows = folder.join(format!("{name}.rows"));
        if !rows.exists() {
            OutputFile::write(&rows, &dataset_file::encode(data)?)?;
        }
        OutputFile::write(&folder.join(format!("{name}.plan.json")), &text)?;
        Ok(name)
    }
}

/// A plan with its rows and folds.
#[derive(Debug)]
struct LoadedSearch {
    name: String,
    plan: SearchPlan,
    data: Dataset,
    data_digest: [u8; 32],
    folds: FoldPlan,
}

/// Does tasks of searches.
#[derive(Debug)]
pub struct SearchWorker {
    state: StateFolder,
    /// The searches used last, the newest at the end.
    loaded: Mutex<Vec<Arc<LoadedSearch>>>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The result was computed and kept.
    Computed,
    /// Nothing was to be done: the result is there, the search is over, or another worker is at it.
    Nothing,
    /// The task cannot be done; whoever runs the search finds out by doing it.
    Impossible,
}

impl SearchWorker {
    /// A worker over a state folder.
    #[must_use]
    pub fn new(state: StateFolder) -> Self {
        Self {
            state,
            loaded: Mutex::default(),
        }
    }

    /// Does a task on one thread.
    ///
    /// # Errors
    /// A [`TrainerError`] where the state folder cannot be used: another try may help.
    pub fn run(&self, job: &SearchJob) -> Result<Done, TrainerError> {
        let folder = self.state.run(&job.task_id).join(TASK_FOLDER);
        if !is_name(&job.plan) || !is_name(&job.key) || self.state.is_cancelled(&job.task_id) {
            return Ok(Done::Nothing);
        }
        let plan_file = folder.join(format!("{}.plan.json", job.plan));
        if folder.join(format!("{}.task", job.key)).exists() || !plan_file.exists() {
            return Ok(Done::Nothing);
        }
        let Some(_held) = try_lock(&lock_place(&folder, &job.key))? else {
            return Ok(Done::Nothing);
        };
        let Some(search) = self.load(&folder, &job.plan, &plan_file)? else {
            return Ok(Done::Nothing);
        };
        compute(&search, &folder, job)
    }

    /// The plan, its rows and folds; `None` where the search is over.
    fn load(
        &self,
        folder: &Path,
        name: &str,
        plan_file: &Path,
    ) -> Result<Option<Arc<LoadedSearch>>, TrainerError> {
        // Held while loading: others that want the same rows wait for them instead of reading them too.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.iter().find(|known| known.name == name) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(plan) = read_json::<SearchPlan>(plan_file)? else {
            return Ok(None);
        };
        let data = dataset_file::read(&plan.schema, &folder.join(format!("{name}.rows")))?;
        if data.digest().to_string() != plan.data_digest {
            return Ok(None);
        }
        let groups = RowGroups::of(&data);
        let folds = FoldPlan::new(&data, &groups, plan.split, plan.n_folds, plan.seed)?;
        let search = Arc::new(LoadedSearch {
            name: name.to_owned(),
            data_digest: data.digest().0,
            plan,
            data,
            folds,
        });
        if loaded.len() >= MAX_LOADED {
            loaded.remove(0);
        }
        loaded.push(Arc::clone(&search));
        Ok(Some(search))
    }
}

fn compute(search: &LoadedSearch, folder: &Path, job: &SearchJob) -> Result<Done, TrainerError> {
    let share = f64::from_bits(job.share_bits);
    let choice = search.plan.candidates.get(job.candidate_idx);
    let held_out = search.folds.folds.get(job.fold).map(|fold| &fold.held_out);
    let (Some(choice), Some(held_out)) = (choice, held_out) else {
        return Ok(Done::Impossible);
    };
    let Ok(candidate) = choice.candidate() else {
        return Ok(Done::Impossible);
    };
    let train = search.folds.training_rows(job.fold, share);
    let seed = search.plan.seed;
    let key = TaskKey::new(search.data_digest, &candidate, &train, held_out, seed);
    if key.hex() != job.key {
        return Ok(Done::Impossible);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(TrainerError::Threads)?;
    let result = pool.install(|| run_task(&search.data, &candidate, &train, held_out, seed));
    let Ok(result) = result else {
        return Ok(Done::Impossible);
    };
    if !folder.exists() {
        // The training ended meanwhile.
        return Ok(Done::Nothing);
    }
    FolderStore::new(folder.to_owned())?.save(&key, &result)?;
    Ok(Done::Computed)
}

/// The lock that who does a task holds.
pub(super) fn lock_place(folder: &Path, key: &str) -> PathBuf {
    folder.join(format!("{key}.lock"))
}

/// Names in messages become parts of paths.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
