//! Runs the tasks of a search on all cores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::progress::{Reporter, Stage};
use crate::row_groups::RowGroups;
use crate::search::blend_candidates::blends;
use crate::search::fold_records::fold_records;
use crate::search::halving::{Rung, rungs};
use crate::search::options::{SearchOptions, Strategy};
use crate::search::task::run_task;
use crate::search::{
    AnnouncedTask, Announcement, Candidate, CandidateRecord, CandidateState, FoldPlan,
    ParameterSpace, SearchError, SearchMetric, SearchOutcome, TaskKey, TaskResult, TaskStore,
};

/// The fewest distinct rows that a round of successive halving learns from.
const MIN_HALVING_ROWS: usize = 500;
/// Candidates that others have not done, after which no more are asked for.
const LOOK_AHEAD: usize = 32;

/// Finds the best candidate of a space. The same data, space, options and code give the same outcome for
/// every number of threads, unless the time budget cuts it short.
///
/// `is_stopped` is asked before each task; `store` keeps the results of tasks.
///
/// # Errors
/// A [`TrainerError`] for a space or data that cannot be searched, when every candidate failed, and when the
/// search was stopped.
pub fn search(
    data: &Dataset,
    space: &ParameterSpace,
    options: &SearchOptions,
    store: &dyn TaskStore,
    is_stopped: &(dyn Fn() -> bool + Sync),
    reporter: Reporter,
) -> Result<SearchOutcome, TrainerError> {
    let candidates = match options.strategy {
        Strategy::Grid | Strategy::Halving { .. } => space.grid(&options.transform)?,
        Strategy::Random(n) => space.draw(&options.transform, n, options.seed)?,
    };
    let groups = RowGroups::of(data);
    let plan = FoldPlan::new(data, &groups, options.split, options.n_folds, options.seed)?;
    let rungs = match options.strategy {
        Strategy::Halving { factor } => {
            let min_share = MIN_HALVING_ROWS as f64 / groups.n_groups() as f64;
            rungs(candidates.len(), factor, min_share)
        }
        _ => vec![Rung {
            share: 1.0,
            n_kept: 1,
        }],
    };
    let mut records: Vec<CandidateRecord> = candidates
        .iter()
        .enumerate()
        .map(|(idx, candidate)| CandidateRecord::new(idx, candidate))
        .collect();
    let context = Context {
        data,
        data_digest: data.digest().0,
        candidates: &candidates,
        plan: &plan,
        options,
        store,
        is_stopped,
        deadline: options.time_budget.map(|budget| Instant::now() + budget),
        n_workers: workers(data, options)?,
    };
    let mut alive: Vec<usize> = (0..candidates.len()).collect();
    let mut best_by_model = BTreeMap::new();
    for (round, rung) in rungs.iter().enumerate() {
        let total = alive.len() * plan.folds.len();
        let stage = reporter.stage("search", total as u64);
        let done = context.run_rung(&alive, rung.share, &stage)?;
        drop(stage);
        if is_stopped() {
            return Err(SearchError::Interrupted.into());
        }
        let is_last = round + 1 == rungs.len();
        for (record, margins) in done {
            let idx = record.candidate_idx;
            if is_last && record.state == CandidateState::Complete {
                keep_best(
                    &mut best_by_model,
                    &records,
                    &record,
                    margins,
                    options.metric,
                );
            }
            records[idx] = record;
        }
        if !is_last {
            alive.retain(|idx| records[*idx].mean.is_some());
            alive.sort_by(|a, b| {
                if records[*a].is_better_than(&records[*b], options.metric) {
                    std::cmp::Ordering::Less
                } else {
                    std::cmp::Ordering::Greater
                }
            });
            let n_kept = rung.n_kept.min(alive.len());
            alive.truncate(n_kept);
            alive.sort_unstable();
        }
    }
    let best = best_of(&records, options.metric)
        .ok_or_else(|| nothing_found(&records, &candidates, options))?;
    let mut outcome = SearchOutcome {
        candidates,
        records,
        best,
        best_by_model,
    };
    if options.blend {
        add_blends(data, &plan, options, &mut outcome, reporter);
    }
    Ok(outcome)
}

/// Adds blends of the best candidates to the outcome; one of them may be the best.
fn add_blends(
    data: &Dataset,
    plan: &FoldPlan,
    options: &SearchOptions,
    outcome: &mut SearchOutcome,
    reporter: Reporter,
) {
    let metric = options.metric;
    let train: Vec<Vec<usize>> = plan.folds.iter().map(|fold| fold.train.clone()).collect();
    let stage = reporter.stage("blend", 0);
    for blend in blends(data, plan, outcome, metric, options.n_folds) {
        let candidate_idx = outcome.candidates.len();
        // What it takes to score is the sum of its members.
        let tasks = plan.folds.iter().enumerate().map(|(fold, rows)| {
            let members = blend
                .members
                .iter()
                .map(|idx| &outcome.records[*idx].folds[fold]);
            TaskResult {
                margins: rows
                    .held_out
                    .iter()
                    .map(|row_idx| blend.margins[*row_idx])
                    .collect(),
                seconds: 0.0,
                n_bytes: members.map(|member| member.n_bytes).sum(),
            }
        });
        let tasks: Vec<TaskResult> = tasks.collect();
        let mut record = CandidateRecord::new(candidate_idx, &blend.candidate);
        record.measured(
            fold_records(data, plan, &blend.margins, &train, &tasks),
            metric,
        );
        record.state = CandidateState::Complete;
        record.share = 1.0;
        stage.tell(&record.in_words(metric), &record);
        outcome.candidates.push(blend.candidate);
        outcome.records.push(record);
    }
    if let Some(best) = best_of(&outcome.records, metric) {
        outcome.best = best;
    }
}

/// The best complete candidate.
fn best_of(records: &[CandidateRecord], metric: SearchMetric) -> Option<usize> {
    let complete = records
        .iter()
        .filter(|record| record.state == CandidateState::Complete);
    complete
        .reduce(|best, record| {
            if record.is_better_than(best, metric) {
                record
            } else {
                best
            }
        })
        .map(|record| record.candidate_idx)
}

fn nothing_found(
    records: &[CandidateRecord],
    candidates: &[Candidate],
    options: &SearchOptions,
) -> SearchError {
    let failed = records.iter().find_map(|record| match &record.state {
        CandidateState::Failed(reason) => Some((record.candidate_idx, reason.clone())),
        _ => None,
    });
    match (failed, options.time_budget) {
        (Some((idx, reason)), _) => SearchError::AllFailed {
            candidate: candidates[idx].in_words(),
            reason,
        },
        (None, budget) => SearchError::TimeUp {
            found: budget.map_or(0.0, |budget| budget.as_secs_f64()),
        },
    }
}

/// Keeps a candidate's margins where it is the best of its kind so far.
fn keep_best(
    best_by_model: &mut BTreeMap<String, (usize, Vec<f64>)>,
    records: &[CandidateRecord],
    record: &CandidateRecord,
    margins: Vec<f64>,
    metric: SearchMetric,
) {
    let known = best_by_model.get(&record.model);
    if known.is_none_or(|(idx, _)| record.is_better_than(&records[*idx], metric)) {
        best_by_model.insert(record.model.clone(), (record.candidate_idx, margins));
    }
}

/// How many tasks may run at a time.
fn workers(data: &Dataset, options: &SearchOptions) -> Result<usize, SearchError> {
    let n_threads = rayon::current_num_threads();
    let Some(found) = options.memory_budget else {
        return Ok(n_threads);
    };
    // The rows that a task selects, their bins, and what partitions and margins take a row.
    let expected = (data.n_rows() * (12 * data.schema().n_features() + 64)) as u64;
    if expected > found {
        return Err(SearchError::Memory { found, expected });
    }
    Ok(n_threads.min((found / expected.max(1)) as usize).max(1))
}

/// What every task sees.
struct Context<'a> {
    data: &'a Dataset,
    data_digest: [u8; 32],
    candidates: &'a [Candidate],
    plan: &'a FoldPlan,
    options: &'a SearchOptions,
    store: &'a dyn TaskStore,
    is_stopped: &'a (dyn Fn() -> bool + Sync),
    deadline: Option<Instant>,
    n_workers: usize,
}

/// A candidate while its folds are under way.
struct Pending {
    results: Vec<Option<Result<TaskResult, TrainerError>>>,
    n_left: usize,
}

type Finished = (CandidateRecord, Vec<f64>);

impl Context<'_> {
    /// Runs all folds of some candidates on a share of the rows. Candidates that the time budget cut off are
    /// absent from the answer.
    fn run_rung(
        &self,
        alive: &[usize],
        share: f64,
        stage: &Stage,
    ) -> Result<Vec<Finished>, TrainerError> {
        let n_folds = self.plan.folds.len();
        let train: Vec<Vec<usize>> = (0..n_folds)
            .map(|fold| self.plan.training_rows(fold, share))
            .collect();
        let n_tasks = alive.len() * n_folds;
        let told = self.announce(alive, share, &train, stage)?;
        let pending: Vec<Mutex<Pending>> = alive
            .iter()
            .map(|_| {
                Mutex::new(Pending {
                    results: (0..n_folds).map(|_| None).collect(),
                    n_left: n_folds,
                })
            })
            .collect();
        let finished: Mutex<Vec<Finished>> = Mutex::new(Vec::with_capacity(alive.len()));
        let failure: Mutex<Option<TrainerError>> = Mutex::new(None);
        let (next, n_done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let n_workers = self.n_workers.min(n_tasks).max(1);
        // Threads that tasks leave over work inside the tasks.
        let n_inner = (rayon::current_num_threads() / n_workers).max(1);
        let work = || -> Result<(), TrainerError> {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(n_inner)
                .build()
                .map_err(TrainerError::Threads)?;
            loop {
                let is_late = self
                    .deadline
                    .is_some_and(|deadline| Instant::now() >= deadline);
                let task = next.fetch_add(1, Ordering::Relaxed);
                if task >= n_tasks || is_late || (self.is_stopped)() {
                    return Ok(());
                }
                let (place, fold) = (task / n_folds, task % n_folds);
                let result = pool.install(|| self.run_one(alive[place], &train[fold], fold));
                if let Err(error @ TrainerError::Write { .. }) = result {
                    return Err(error);
                }
                let mut pending = lock(&pending[place]);
                pending.results[fold] = Some(result);
                pending.n_left -= 1;
                let results = (pending.n_left == 0).then(|| std::mem::take(&mut pending.results));
                drop(pending);
                stage.reach(n_done.fetch_add(1, Ordering::Relaxed) as u64 + 1);
                if let Some(results) = results {
                    let done = self.finish(alive[place], share, &train, results);
                    if !told.contains(&alive[place]) {
                        stage.tell(&done.0.in_words(self.options.metric), &done.0);
                    }
                    lock(&finished).push(done);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..n_workers {
                scope.spawn(|| {
                    if let Err(error) = work() {
                        next.store(n_tasks, Ordering::Relaxed);
                        lock(&failure).get_or_insert(error);
                    }
                });
            }
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut finished = finished
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // Workers finish in any order; what follows must not depend on it.
        finished.sort_by_key(|(record, _)| record.candidate_idx);
        Ok(finished)
    }

    /// Lets others do the tasks of a round, where the store can, and tells of candidates as they come. Gives those that
    /// were told of.
    fn announce(
        &self,
        alive: &[usize],
        share: f64,
        train: &[Vec<usize>],
        stage: &Stage,
    ) -> Result<BTreeSet<usize>, TrainerError> {
        let told = Mutex::new(BTreeSet::new());
        if !self.store.is_shared() {
            return Ok(BTreeSet::new());
        }
        let of_candidate = |candidate_idx: &usize| {
            let idx = *candidate_idx;
            let folds = train.iter().enumerate();
            folds.map(move |(fold, train)| AnnouncedTask {
                key: self.task_key(idx, train, fold),
                candidate_idx: idx,
                fold,
                share,
            })
        };
        let tasks: Vec<AnnouncedTask> = alive.iter().flat_map(of_candidate).collect();
        let is_late = || self.deadline.is_some_and(|end| Instant::now() >= end);
        self.store.announce(&Announcement {
            data: self.data,
            candidates: self.candidates,
            options: self.options,
            tasks: &tasks,
            is_over: &|| is_late() || (self.is_stopped)(),
            progress: &|n_done| {
                stage.reach(n_done);
                self.tell_done(alive, &tasks, train, stage, &mut lock(&told));
            },
        })?;
        Ok(told.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells of candidates all of whose folds others have done; `tasks` has those of each candidate in a row.
    fn tell_done(
        &self,
        alive: &[usize],
        tasks: &[AnnouncedTask],
        train: &[Vec<usize>],
        stage: &Stage,
        told: &mut BTreeSet<usize>,
    ) {
        let mut n_missing = 0;
        for (idx, tasks) in alive.iter().zip(tasks.chunks(self.plan.folds.len())) {
            if told.contains(idx) {
                continue;
            }
            let results: Option<Vec<_>> = tasks
                .iter()
                .map(|task| self.known(&task.key, task.fold).map(|it| Some(Ok(it))))
                .collect();
            let Some(results) = results else {
                // They are done about in order: there is no need to look at all that are far away.
                n_missing += 1;
                if n_missing > LOOK_AHEAD {
                    return;
                }
                continue;
            };
            let share = tasks.first().map_or(1.0, |task| task.share);
            let (record, _) = self.finish(*idx, share, train, results);
            stage.tell(&record.in_words(self.options.metric), &record);
            told.insert(*idx);
        }
    }

    fn task_key(&self, idx: usize, train: &[usize], fold: usize) -> TaskKey {
        TaskKey::new(
            self.data_digest,
            &self.candidates[idx],
            train,
            &self.plan.folds[fold].held_out,
            self.options.seed,
        )
    }

    /// A result that is in the store.
    fn known(&self, key: &TaskKey, fold: usize) -> Option<TaskResult> {
        let n_rows = self.plan.folds[fold].held_out.len();
        let known = self.store.load(key);
        known.filter(|known| known.margins.len() == n_rows)
    }

    fn run_one(
        &self,
        idx: usize,
        train: &[usize],
        fold: usize,
    ) -> Result<TaskResult, TrainerError> {
        let (candidate, held_out) = (&self.candidates[idx], &self.plan.folds[fold].held_out);
        let seed = self.options.seed;
        let key = self.task_key(idx, train, fold);
        if let Some(known) = self.known(&key, fold) {
            return Ok(known);
        }
        let result = run_task(self.data, candidate, train, held_out, seed)?;
        self.store.save(&key, &result)?;
        Ok(result)
    }

    /// Calibrates a candidate's margins of unseen rows and measures each fold. The two parameters of the
    /// calibration come from the same rows: with thousands of rows that flatters nobody.
    fn finish(
        &self,
        idx: usize,
        share: f64,
        train: &[Vec<usize>],
        results: Vec<Option<Result<TaskResult, TrainerError>>>,
    ) -> Finished {
        let mut record = CandidateRecord::new(idx, &self.candidates[idx]);
        record.share = share;
        let mut tasks = Vec::with_capacity(results.len());
        for result in results.into_iter().flatten() {
            match result {
                Ok(result) => tasks.push(result),
                Err(error) => {
                    record.state = CandidateState::Failed(error.to_string());
                    return (record, Vec::new());
                }
            }
        }
        let mut margins = vec![f64::NAN; self.data.n_rows()];
        for (fold, task) in self.plan.folds.iter().zip(&tasks) {
            for (row_idx, margin) in fold.held_out.iter().zip(&task.margins) {
                margins[*row_idx] = *margin;
            }
        }
        let folds = fold_records(self.data, self.plan, &margins, train, &tasks);
        record.measured(folds, self.options.metric);
        record.state = if share < 1.0 {
            CandidateState::Halved
        } else {
            CandidateState::Complete
        };
        (record, margins)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A worker that panicked ends the search; nobody reads what it left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
