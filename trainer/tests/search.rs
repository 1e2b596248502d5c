//! The search: the same outcome for every number of threads, resumable, and honest about failures.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use picket_trainer::search::{
    CandidateState, FolderStore, NoStore, ParameterSpace, SearchError, SearchMetric, SearchOptions,
    SearchOutcome, Strategy, search,
};
use picket_trainer::transform::TransformPlan;
use picket_trainer::{Dataset, Reporter, RowReader, TrainerError, phishing_schema, synthetic_rows};
use serde_json::json;

fn rows(n: usize) -> Dataset {
    synthetic_rows(&phishing_schema().unwrap(), n, 11).unwrap()
}

fn space(entries: serde_json::Value) -> ParameterSpace {
    serde_json::from_value(entries).unwrap()
}

fn small_space() -> ParameterSpace {
    space(json!([
        {"model": "logistic", "l2": [0.1, 1.0]},
        {"model": "tree", "max_depth": [2, 6]},
        {"model": "boosting", "n_trees": 10, "max_depth": [2, 4]},
    ]))
}

fn options() -> SearchOptions {
    SearchOptions {
        n_folds: 3,
        seed: 5,
        ..SearchOptions::default()
    }
}

fn quietly(
    data: &Dataset,
    space: &ParameterSpace,
    options: &SearchOptions,
) -> Result<SearchOutcome, TrainerError> {
    search(data, space, options, &NoStore, &|| false, Reporter::Silent)
}

/// All but the times, which no two runs share.
fn timeless(mut outcome: SearchOutcome) -> SearchOutcome {
    for record in &mut outcome.records {
        for fold in &mut record.folds {
            fold.seconds = 0.0;
        }
    }
    outcome
}

#[test]
fn the_outcome_is_the_same_for_every_number_of_threads() {
    let (data, space) = (rows(700), small_space());
    let on = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap();
        timeless(pool.install(|| quietly(&data, &space, &options())).unwrap())
    };
    let alone = on(1);
    assert_eq!(alone, on(2));
    assert_eq!(alone, on(7));
    assert_eq!(alone.records.len(), 6);
    assert!(
        alone
            .records
            .iter()
            .all(|record| record.state == CandidateState::Complete)
    );
    let best = &alone.records[alone.best];
    for record in &alone.records {
        assert!(record.mean <= best.mean, "{record:?}");
        assert!(record.mean.unwrap() > 0.6, "{record:?}");
    }
    assert_eq!(alone.ranked(SearchMetric::F1)[0].candidate_idx, alone.best);
    assert_eq!(alone.best_by_model.len(), 3);
    assert!(
        alone.best_by_model["tree"]
            .1
            .iter()
            .all(|margin| margin.is_finite())
    );
}

#[test]
fn what_ranks_is_the_metric_asked_for() {
    let (data, space) = (rows(700), small_space());
    let by_brier = SearchOptions {
        metric: SearchMetric::Brier,
        ..options()
    };
    let outcome = quietly(&data, &space, &by_brier).unwrap();
    let best = outcome.records[outcome.best].mean.unwrap();
    assert!(
        outcome
            .records
            .iter()
            .all(|record| record.mean.unwrap() >= best)
    );
    let of_folds = outcome.records[0]
        .folds
        .iter()
        .map(|fold| fold.metrics["brier"]);
    assert!((outcome.records[0].mean.unwrap() - of_folds.sum::<f64>() / 3.0).abs() < 1e-15);
}

#[test]
fn a_stopped_search_goes_on_where_it_was() {
    let (data, space) = (rows(500), small_space());
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path().to_owned()).unwrap();
    let whole = timeless(quietly(&data, &space, &options()).unwrap());
    let asked = AtomicUsize::new(0);
    let stop_soon = || asked.fetch_add(1, Ordering::Relaxed) >= 7;
    let stopped = search(
        &data,
        &space,
        &options(),
        &store,
        &stop_soon,
        Reporter::Silent,
    );
    assert!(
        matches!(stopped, Err(TrainerError::Search(SearchError::Interrupted))),
        "{stopped:?}"
    );
    let n_kept = std::fs::read_dir(folder.path()).unwrap().count();
    assert!((1..18).contains(&n_kept), "{n_kept} tasks were kept");
    // A file that was cut short is a task that is done again.
    let first = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&first, b"\x83").unwrap();
    let outcome = search(
        &data,
        &space,
        &options(),
        &store,
        &|| false,
        Reporter::Silent,
    )
    .unwrap();
    assert_eq!(timeless(outcome), whole);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 18);
}

#[test]
fn kept_tasks_of_other_data_or_seeds_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::new(folder.path().to_owned()).unwrap();
    let space = space(json!([{"model": "tree", "max_depth": 3}]));
    for (n, seed) in [(500, 5), (501, 5), (500, 6)] {
        let (data, options) = (rows(n), SearchOptions { seed, ..options() });
        let kept = search(&data, &space, &options, &store, &|| false, Reporter::Silent).unwrap();
        assert_eq!(
            timeless(kept),
            timeless(quietly(&data, &space, &options).unwrap())
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 9);
}

#[test]
fn one_candidate_that_fails_does_not_stop_the_others() {
    let data = rows(500);
    let space = space(json!([
        {"model": "boosting", "n_trees": 5, "learning_rate": [-1.0, 0.1]},
    ]));
    let outcome = quietly(&data, &space, &options()).unwrap();
    assert_eq!(outcome.best, 1);
    assert!(
        matches!(&outcome.records[0].state, CandidateState::Failed(reason) if reason.contains("learning_rate")),
        "{:?}",
        outcome.records[0]
    );
    let only_wrong = ParameterSpace {
        entries: space.entries.clone(),
    };
    let mut only_wrong = only_wrong;
    only_wrong.entries[0].parameters.insert(
        "learning_rate".into(),
        serde_json::from_value(json!(-1.0)).unwrap(),
    );
    let error = quietly(&data, &only_wrong, &options())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("every candidate failed") && error.contains("learning_rate"),
        "{error}"
    );
}

#[test]
fn halving_leaves_the_worse_half_behind_on_few_rows() {
    let data = rows(3000);
    let space = space(json!([{"model": "boosting", "n_trees": [1, 2, 20, 40], "max_depth": 4}]));
    let options = SearchOptions {
        strategy: Strategy::Halving { factor: 2 },
        ..options()
    };
    let outcome = quietly(&data, &space, &options).unwrap();
    let n_halved = outcome
        .records
        .iter()
        .filter(|r| r.state == CandidateState::Halved)
        .count();
    assert!(n_halved >= 2, "{:?}", outcome.records);
    assert!(
        outcome.best >= 2,
        "more trees are better: {:?}",
        outcome.records
    );
    let best = &outcome.records[outcome.best];
    assert_eq!((best.share, &best.state), (1.0, &CandidateState::Complete));
    let halved = outcome
        .records
        .iter()
        .find(|r| r.state == CandidateState::Halved)
        .unwrap();
    assert!(halved.share < 1.0 && halved.folds[0].n_train < best.folds[0].n_train);
}

#[test]
fn random_draws_stay_in_their_ranges_and_follow_the_seed() {
    let space = space(json!([
        {"model": "boosting", "n_trees": {"low": 5, "high": 9, "integer": true},
         "learning_rate": {"low": 0.001, "high": 0.5, "log": true}},
        {"model": "logistic", "l2": [0.5, 2.0]},
    ]));
    let drawn = space.draw(&TransformPlan::default(), 40, 3).unwrap();
    assert_eq!(drawn, space.draw(&TransformPlan::default(), 40, 3).unwrap());
    assert_ne!(drawn, space.draw(&TransformPlan::default(), 40, 4).unwrap());
    let rates: Vec<f64> = drawn
        .iter()
        .filter(|candidate| candidate.model() == "boosting")
        .map(|candidate| candidate.parameters()["learning_rate"].parse().unwrap())
        .collect();
    assert!(rates.iter().all(|rate| (0.001..=0.5).contains(rate)));
    assert!(
        rates.iter().filter(|rate| **rate < 0.02).count() > rates.len() / 5,
        "{rates:?}"
    );
    assert_eq!(
        drawn.iter().filter(|c| c.model() == "logistic").count(),
        2,
        "there are but two"
    );
    assert!(matches!(
        space.grid(&TransformPlan::default()),
        Err(SearchError::RangeInGrid { .. })
    ));
}

#[test]
fn wrong_spaces_say_what_is_wrong_and_where() {
    let message = |entries| {
        space(entries)
            .grid(&TransformPlan::default())
            .unwrap_err()
            .to_string()
    };
    let unknown = message(json!([{"model": "tree"}, {"model": "tree", "depth": 3}]));
    assert!(
        unknown.contains("candidate 1 (tree)") && unknown.contains("max_depth"),
        "{unknown}"
    );
    let empty = message(json!([{"model": "tree", "max_depth": []}]));
    assert!(
        empty.contains("max_depth: expected at least one value"),
        "{empty}"
    );
    assert!(message(json!([])).contains("no candidates"));
    let values: Vec<usize> = (1..200).collect();
    let many = message(json!([{"model": "tree", "max_depth": values, "min_leaf": values}]));
    assert!(many.contains("39601"), "{many}");
}

#[test]
fn budgets_are_kept_and_named() {
    let (data, space) = (rows(500), small_space());
    let late = SearchOptions {
        time_budget: Some(Duration::ZERO),
        ..options()
    };
    let error = quietly(&data, &space, &late).unwrap_err();
    assert!(
        matches!(error, TrainerError::Search(SearchError::TimeUp { .. })),
        "{error}"
    );
    let small = SearchOptions {
        memory_budget: Some(1000),
        ..options()
    };
    let error = quietly(&data, &space, &small).unwrap_err();
    assert!(
        matches!(
            error,
            TrainerError::Search(SearchError::Memory { found: 1000, .. })
        ),
        "{error}"
    );
    let enough = SearchOptions {
        memory_budget: Some(1 << 30),
        ..options()
    };
    assert_eq!(
        timeless(quietly(&data, &space, &enough).unwrap()),
        timeless(quietly(&data, &space, &options()).unwrap())
    );
}

#[test]
fn too_few_rows_for_the_folds_are_named() {
    let schema = phishing_schema().unwrap();
    let header: Vec<&str> = schema.features.iter().map(|f| f.name.as_str()).collect();
    let zero = vec!["1"; header.len()].join(",");
    let text = format!("{},Result\n{zero},1\n{zero},-1\n", header.join(","));
    assert!(RowReader::new(text.as_bytes(), "two rows", &schema).is_ok());
    let data = Dataset::read_csv(&schema, text.as_bytes(), "two rows").unwrap();
    let error = quietly(&data, &small_space(), &options())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("one class only") && error.contains("fold"),
        "{error}"
    );
}
