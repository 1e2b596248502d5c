//! Quality on real data, where it is: `PICKET_DATA_DIR` names a directory with `phishing.csv` and
//! `nsl-kdd.csv`. One split each, so the bars lie below those of the benchmark over ten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};
use picket_trainer::learn::{
    BoostingParams, Column, ExtraTreesParams, Matrix, RandomForestParams, TreeEnsemble,
};

use crate::data::Noise;

struct Table {
    features: Array2<f32>,
    columns: Vec<Column>,
    labels: Vec<bool>,
}

impl Table {
    /// Reads all columns but `label` and `ignored`; those with a word in them are categorical.
    fn read(file: &Path, label: &str, ignored: &[&str], positive: impl Fn(&str) -> bool) -> Self {
        let mut reader = csv::Reader::from_path(file).expect("a file to read");
        let names = reader.headers().expect("a header").clone();
        let rows: Vec<csv::StringRecord> = reader
            .records()
            .map(|record| record.expect("a row"))
            .collect();
        let label_at = names
            .iter()
            .position(|name| name == label)
            .expect("a label column");
        let used = (0..names.len()).filter(|&at| at != label_at && !ignored.contains(&&names[at]));
        let used: Vec<usize> = used.collect();
        let mut features = Array2::zeros((rows.len(), used.len()));
        let mut columns = Vec::new();
        for (column, &at) in used.iter().enumerate() {
            let is_number = rows.iter().all(|row| row[at].parse::<f32>().is_ok());
            let mut codes = BTreeMap::new();
            for (row, record) in rows.iter().enumerate() {
                features[(row, column)] = if is_number {
                    record[at].parse().expect("a number")
                } else {
                    let next = codes.len() as u16;
                    f32::from(*codes.entry(record[at].to_owned()).or_insert(next))
                };
            }
            columns.push(if is_number {
                Column::Numeric
            } else {
                Column::Categorical {
                    n_categories: codes.len() as u32,
                }
            });
        }
        let labels = rows.iter().map(|row| positive(&row[label_at])).collect();
        Self {
            features,
            columns,
            labels,
        }
    }

    /// One row of five for testing; equal rows stay together.
    fn split(&self) -> (Self, Self) {
        let mut noise = Noise(2);
        let mut sides = BTreeMap::new();
        let is_test: Vec<bool> = self
            .features
            .rows()
            .into_iter()
            .map(|row| {
                let key: Vec<u32> = row.iter().map(|value| value.to_bits()).collect();
                *sides.entry(key).or_insert_with(|| noise.below(5) == 0)
            })
            .collect();
        let part = |test: bool| {
            let rows: Vec<usize> = (0..is_test.len())
                .filter(|&row| is_test[row] == test)
                .collect();
            Self {
                features: self.features.select(Axis(0), &rows),
                columns: self.columns.clone(),
                labels: rows.iter().map(|&row| self.labels[row]).collect(),
            }
        };
        (part(false), part(true))
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::new(self.features.view(), &self.labels[..])
            .and_then(|matrix| matrix.with_columns(&self.columns[..]))
            .expect("a rectangular table")
    }

    /// F1 at one half, and the Brier score.
    fn measure(&self, ensemble: &TreeEnsemble) -> (f64, f64) {
        let probabilities = ensemble.probabilities(self.features.view());
        let (mut hits, mut misses, mut squares) = (0.0, 0.0, 0.0);
        for (&probability, &label) in probabilities.iter().zip(&self.labels) {
            squares += (probability - f64::from(u8::from(label))).powi(2);
            match (probability >= 0.5, label) {
                (true, true) => hits += 1.0,
                (false, false) => {}
                _ => misses += 1.0,
            }
        }
        (
            2.0 * hits / (2.0 * hits + misses),
            squares / self.labels.len() as f64,
        )
    }
}

fn fit_three(training: &Table) -> [(&'static str, TreeEnsemble); 3] {
    let matrix = training.matrix();
    let forest = RandomForestParams::new()
        .fit_matrix(&matrix)
        .expect("a forest");
    let extra = ExtraTreesParams::new()
        .fit_matrix(&matrix)
        .expect("extra-trees");
    let boosted = BoostingParams::new()
        .n_trees(150)
        .fit_matrix(&matrix)
        .expect("a boosting");
    [
        ("forest", forest.ensemble),
        ("extra-trees", extra.ensemble),
        ("boosting", boosted.ensemble),
    ]
}

fn data_dir() -> Option<PathBuf> {
    let dir = std::env::var_os("PICKET_DATA_DIR").map(PathBuf::from);
    if dir.is_none() {
        eprintln!("SKIPPED: PICKET_DATA_DIR is not set, no real data to learn from");
    }
    dir
}

fn check(name: &str, table: &Table, least_f1: f64, most_brier: f64) {
    let (training, test) = table.split();
    for (learner, ensemble) in fit_three(&training) {
        let (f1, brier) = test.measure(&ensemble);
        println!(
            "{name}: {learner}: F1 {f1:.4}, Brier {brier:.4}, {} rows",
            test.labels.len()
        );
        assert!(f1 >= least_f1, "{learner}: F1 {f1}");
        assert!(brier <= most_brier, "{learner}: Brier {brier}");
    }
}

#[test]
fn phishing_is_learned() {
    let Some(dir) = data_dir() else { return };
    let table = Table::read(&dir.join("phishing.csv"), "Result", &[], |label| {
        label == "-1"
    });
    check("phishing", &table, 0.93, 0.045);
}

#[test]
fn intrusions_are_learned() {
    let Some(dir) = data_dir() else { return };
    let file = dir.join("nsl-kdd.csv");
    let table = Table::read(&file, "attack", &["difficulty"], |label| label != "normal");
    assert_eq!(
        table
            .columns
            .iter()
            .filter(|kind| **kind != Column::Numeric)
            .count(),
        3
    );
    check("nsl-kdd", &table, 0.995, 0.005);
}
