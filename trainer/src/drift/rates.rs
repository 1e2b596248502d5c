//! How often rows without drift raise an alarm, and how soon drift does.

use std::path::Path;

use picket_schema::FeatureSchema;

use super::{DriftOptions, DriftReference, LiveRows, drift};
use crate::dataset::Dataset;
use crate::random::Random;
use crate::row_groups::RowGroups;
use crate::synthetic::synthetic_rows;

fn nsl_kdd_schema() -> FeatureSchema {
    let text = include_str!("../../../schema/schemas/nsl-kdd.toml");
    FeatureSchema::from_toml(text).unwrap()
}

/// A data set of the folder `PICKET_DATA_DIR`; says so where there is none.
fn real(schema: &FeatureSchema, name: &str) -> Option<Dataset> {
    let Some(folder) = std::env::var_os("PICKET_DATA_DIR") else {
        println!("skipped: PICKET_DATA_DIR is not set");
        return None;
    };
    Some(Dataset::open_csv(schema, &Path::new(&folder).join(name)).unwrap())
}

fn values(data: &Dataset, rows: &[usize]) -> Vec<f32> {
    rows.iter()
        .flat_map(|row| data.row(*row))
        .copied()
        .collect()
}

fn has_alarm(schema: &FeatureSchema, reference: &[f32], live: &[f32], grouped: bool) -> bool {
    let rows = |values| LiveRows {
        values,
        scores: None,
    };
    let options = DriftOptions {
        grouped,
        ..DriftOptions::default()
    };
    let reference = DriftReference::Rows(rows(reference));
    drift(schema, &reference, &rows(live), &options).drift_status
}

/// How pairs without drift are drawn from data.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Draw {
    /// Groups of equal rows go to one side as a whole.
    Groups,
    /// Of each group one row, to one side.
    Distinct,
    /// Every row to one side by itself.
    Rows,
    /// Rows with replacement, on both sides.
    Bootstrap,
}

/// Rows that go to one side together.
fn units(data: &Dataset, draw: Draw) -> Vec<Vec<usize>> {
    let groups = RowGroups::of(data);
    let groups = groups.rows().iter();
    match draw {
        Draw::Groups => groups.cloned().collect(),
        Draw::Distinct => groups.map(|rows| vec![rows[0]]).collect(),
        Draw::Rows | Draw::Bootstrap => (0..data.n_rows()).map(|row| vec![row]).collect(),
    }
}

/// The values of two samples; a unit is live with a chance of `share`.
fn pair(
    data: &Dataset,
    units: &[Vec<usize>],
    draw: Draw,
    share: f64,
    random: &mut Random,
) -> (Vec<f32>, Vec<f32>) {
    let (mut reference, mut live) = (Vec::new(), Vec::new());
    for unit in units {
        let unit = if draw == Draw::Bootstrap {
            &units[random.below(units.len())]
        } else {
            unit
        };
        let side = if random.unit() < share {
            &mut live
        } else {
            &mut reference
        };
        side.extend(unit);
    }
    (values(data, &reference), values(data, &live))
}

/// The share of `n_pairs` pairs without drift that raise an alarm.
fn false_alarms(data: &Dataset, draw: Draw, share: f64, grouped: bool, n_pairs: u64) -> f64 {
    let units = units(data, draw);
    let mut n_alarms = 0_u32;
    for number in 0..n_pairs {
        let random = &mut Random::stream(11, number);
        let (reference, live) = pair(data, &units, draw, share, random);
        n_alarms += u32::from(has_alarm(data.schema(), &reference, &live, grouped));
    }
    f64::from(n_alarms) / n_pairs as f64
}

#[test]
#[ignore = "takes minutes; prints what docs/drift.md tells"]
fn a_thousand_pairs_of_each_kind() {
    let n_pairs = 1000;
    let tell = |name: &str, data: &Dataset, draw, share| {
        let with = false_alarms(data, draw, share, true, n_pairs);
        println!("{name}, {draw:?}, live share {share}: {with:.3}");
        assert!(with <= 0.05, "{name} {draw:?} {share}: {with}");
    };
    let phishing = crate::phishing_schema().unwrap();
    if let Some(data) = real(&phishing, "phishing.csv") {
        for draw in [Draw::Groups, Draw::Distinct, Draw::Rows, Draw::Bootstrap] {
            for share in [0.5, 0.1] {
                tell("phishing", &data, draw, share);
            }
        }
    }
    let nsl_kdd = nsl_kdd_schema();
    let synthetic = synthetic_rows(&nsl_kdd, 2000, 1).unwrap();
    tell("synthetic NSL-KDD", &synthetic, Draw::Rows, 0.5);
    tell("synthetic NSL-KDD", &synthetic, Draw::Rows, 0.1);
}
