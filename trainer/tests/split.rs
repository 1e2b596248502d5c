//! What splits promise.

use std::collections::HashSet;

use picket_trainer::{
    Dataset, RowGroups, Split, SplitError, SplitKind, grouped_folds, phishing_schema,
    synthetic_rows,
};
use proptest::prelude::*;

/// Rows of which many are copies; `copies[i]` says how often row `i` stands there.
fn with_copies(copies: &[usize], seed: u64) -> Option<Dataset> {
    let data = synthetic_rows(&phishing_schema().unwrap(), copies.len(), seed).ok()?;
    let rows: Vec<usize> = copies
        .iter()
        .enumerate()
        .flat_map(|(row, n)| std::iter::repeat_n(row, *n))
        .collect();
    Some(data.select(&rows))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn grouped_parts_share_no_row(copies in prop::collection::vec(1_usize..9, 40..120), seed: u64) {
        let Some(data) = with_copies(&copies, seed) else { return Ok(()) };
        let groups = RowGroups::of(&data);
        let Ok(split) = Split::new(&data, &groups, SplitKind::Grouped, seed) else { return Ok(()) };
        prop_assert_eq!(split.memorised_share(&groups), 0.0);
        let rows: HashSet<usize> = split.train.iter().chain(&split.test).copied().collect();
        prop_assert_eq!(rows.len(), data.n_rows());
        prop_assert_eq!(split.train.len() + split.test.len(), data.n_rows());
        let share = split.test.len() as f64 / data.n_rows() as f64;
        prop_assert!((0.12..=0.22).contains(&share), "{}", share);
        let positive = |rows: &[usize]| {
            rows.iter().filter(|row| data.labels()[**row]).count() as f64 / rows.len() as f64
        };
        prop_assert!((positive(&split.train) - positive(&split.test)).abs() < 0.15);
    }

    #[test]
    fn folds_share_no_row(copies in prop::collection::vec(1_usize..9, 40..120), seed: u64) {
        let Some(data) = with_copies(&copies, seed) else { return Ok(()) };
        let groups = RowGroups::of(&data);
        let folds = grouped_folds(&data, &groups, 5, seed);
        for rows in groups.rows() {
            prop_assert!(rows.iter().all(|row| folds[*row] == folds[rows[0]]));
        }
        for fold in 0..5 {
            let n = folds.iter().filter(|of_row| **of_row == fold).count();
            prop_assert!(n.abs_diff(data.n_rows() / 5) <= 12, "{} of {}", n, data.n_rows());
        }
    }
}

#[test]
fn a_random_split_of_copies_is_memory() {
    let data = with_copies(&[6; 200], 1).unwrap();
    let groups = RowGroups::of(&data);
    let split = Split::new(&data, &groups, SplitKind::Random, 1).unwrap();
    // A test row is new only if all its five copies are in the test part: nearly never.
    assert!(split.memorised_share(&groups) > 0.99);
    assert_eq!(split.test.len(), 240);
}

#[test]
fn too_few_distinct_rows_are_refused() {
    let data = with_copies(&[50; 3], 2).unwrap();
    let groups = RowGroups::of(&data);
    let error = Split::new(&data, &groups, SplitKind::Grouped, 0).unwrap_err();
    assert!(
        matches!(error, SplitError::OneClassPart { found: 3, .. }),
        "{error}"
    );
}

#[test]
fn the_phishing_data_repeats_itself() {
    let Ok(dir) = std::env::var("PICKET_DATA_DIR") else {
        eprintln!("SKIPPED the_phishing_data_repeats_itself: PICKET_DATA_DIR is not set");
        return;
    };
    let file = std::path::Path::new(&dir).join("phishing.csv");
    let data = Dataset::open_csv(&phishing_schema().unwrap(), &file).unwrap();
    let groups = RowGroups::of(&data);
    let split = Split::new(&data, &groups, SplitKind::Random, 0).unwrap();
    let share = split.memorised_share(&groups);
    assert!((0.60..0.70).contains(&share), "{share}");
}
