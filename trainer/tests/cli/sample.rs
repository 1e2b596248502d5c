//! Samples are the same every time and look like the statistics they come from.

use std::collections::BTreeMap;

use picket_trainer::Sampler;
use serde_json::Value;

use crate::run::{run, stdout_of};

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let first = stdout_of(&["sample", "--rows", "200", "--seed", "5"]);
    assert_eq!(
        first,
        stdout_of(&["sample", "--rows", "200", "--seed", "5"])
    );
    assert_ne!(
        first,
        stdout_of(&["sample", "--rows", "200", "--seed", "6"])
    );
    let longer = stdout_of(&["sample", "--rows", "300", "--seed", "5"]);
    assert!(
        longer.starts_with(&first),
        "more rows begin with the same rows"
    );
    assert_eq!(first.lines().count(), 201);
    assert!(first.starts_with("having_IP_Address,URL_Length,"));
    assert!(
        first
            .lines()
            .next()
            .unwrap()
            .ends_with(",Statistical_report,Result")
    );
}

#[test]
fn a_sample_says_that_it_is_synthetic() {
    let output = run(&["sample", "--rows", "1"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("synthetic") && said.contains("--note"),
        "{said}"
    );
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().lines().count(),
        2,
        "the CSV is pure"
    );
}

#[test]
fn samples_follow_the_statistics() {
    const N_ROWS: usize = 40_000;
    let facts: Value =
        serde_json::from_str(include_str!("../../data/phishing-facts.json")).unwrap();
    let mut sampler = Sampler::new(1).unwrap();
    let columns: BTreeMap<String, usize> = sampler
        .schema()
        .features
        .iter()
        .enumerate()
        .map(|(i, f)| (f.name.clone(), i))
        .collect();
    let rows: Vec<(Vec<i32>, i32)> = (0..N_ROWS).map(|_| sampler.draw()).collect();
    let share_of = |n: usize, of: usize| n as f64 / of.max(1) as f64;

    let phishing = rows.iter().filter(|row| row.1 == -1).count();
    assert!((share_of(phishing, N_ROWS) - 3890.0 / 8842.0).abs() < 0.01);
    for feature in facts["features"].as_array().unwrap() {
        let Some(parent) = feature["parent"].as_str() else {
            continue;
        };
        let column = columns[feature["name"].as_str().unwrap()];
        let parent = columns[parent];
        for (label, by_parent) in feature["counts"].as_object().unwrap() {
            for (parent_value, counts) in by_parent.as_object().unwrap() {
                let (label, parent_value): (i32, i32) =
                    (label.parse().unwrap(), parent_value.parse().unwrap());
                let given: Vec<&(Vec<i32>, i32)> = rows
                    .iter()
                    .filter(|(row, l)| *l == label && row[parent] == parent_value)
                    .collect();
                if given.len() < 2000 {
                    continue;
                }
                let counts: Vec<f64> = counts
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| n.as_f64().unwrap())
                    .collect();
                let total: f64 = counts.iter().sum();
                for (value, count) in feature["values"].as_array().unwrap().iter().zip(&counts) {
                    let value = value.as_i64().unwrap() as i32;
                    let n = given.iter().filter(|(row, _)| row[column] == value).count();
                    let (found, expected) = (share_of(n, given.len()), count / total);
                    assert!(
                        (found - expected).abs() < 0.05,
                        "{found} {expected} {feature}"
                    );
                }
            }
        }
    }
}
