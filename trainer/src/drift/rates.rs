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
    let (n_pairs, mut worst) = (1000, 0.0_f64);
    let mut tell = |name: &str, data: &Dataset, draw, share| {
        let with = false_alarms(data, draw, share, true, n_pairs);
        println!("{name}, {draw:?}, live share {share}: {with:.3}");
        worst = worst.max(with);
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
    assert!(worst <= 0.05, "{worst}");
}

#[test]
fn pairs_without_drift_are_quiet() {
    // 100 pairs here; a thousand of each kind in the test above.
    let schema = crate::phishing_schema().unwrap();
    let data = synthetic_rows(&schema, 800, 3).unwrap();
    let rate = false_alarms(&data, Draw::Rows, 0.5, true, 100);
    assert!(rate <= 0.1, "{rate}");
    let Some(data) = real(&schema, "phishing.csv") else {
        return;
    };
    let rate = false_alarms(&data, Draw::Groups, 0.3, true, 60);
    assert!(rate <= 0.1, "{rate}");
    // The check sees something: without the design effect most pairs raise an alarm.
    let rate = false_alarms(&data, Draw::Groups, 0.3, false, 20);
    assert!(rate >= 0.5, "{rate}");
}

/// How many rows arrive until a feature of which `share` of the rows got the value `to` is said to
/// have drifted: the median of 21 runs, or `None` where more than half of them see nothing in 2,000 rows.
fn delay(data: &Dataset, feature_idx: usize, to: f32, share: f64) -> Option<usize> {
    const STEPS: [usize; 12] = [25, 50, 75, 100, 150, 200, 300, 400, 600, 900, 1300, 2000];
    let (schema, units) = (data.schema(), units(data, Draw::Groups));
    let n_features = schema.n_features();
    let mut delays: Vec<usize> = (0..21)
        .map(|number| {
            let random = &mut Random::stream(13, number);
            let mut units = units.clone();
            random.shuffle(&mut units);
            let n_reference = units.len() * 6 / 10;
            let of = |units: &[Vec<usize>]| units.iter().flatten().copied().collect::<Vec<_>>();
            let reference = values(data, &of(&units[..n_reference]));
            let mut live_rows = of(&units[n_reference..]);
            random.shuffle(&mut live_rows);
            let mut live = values(data, &live_rows);
            for row in live.chunks_exact_mut(n_features) {
                if random.unit() < share {
                    row[feature_idx] = to;
                }
            }
            let has_drifted = |n_rows: usize| {
                let rows = |values| LiveRows {
                    values,
                    scores: None,
                };
                let live = rows(&live[..live.len().min(n_rows * n_features)]);
                let reference = DriftReference::Rows(rows(&reference));
                let report = drift(schema, &reference, &live, &DriftOptions::default());
                report.columns[feature_idx].drift_status
            };
            STEPS
                .into_iter()
                .find(|n_rows| has_drifted(*n_rows))
                .unwrap_or(usize::MAX)
        })
        .collect();
    delays.sort_unstable();
    Some(delays[10]).filter(|n_rows| *n_rows < usize::MAX)
}

#[test]
#[ignore = "takes minutes; prints what docs/drift.md tells"]
fn how_soon_a_shift_is_seen() {
    let schema = crate::phishing_schema().unwrap();
    let nsl_kdd = nsl_kdd_schema();
    let shifts = [
        (real(&schema, "phishing.csv"), "having_IP_Address", -1.0),
        (real(&schema, "phishing.csv"), "SSLfinal_State", 1.0),
        (real(&nsl_kdd, "nsl-kdd.csv"), "src_bytes", 5000.0),
        (real(&nsl_kdd, "nsl-kdd.csv"), "protocol_type", 1.0),
    ];
    for (data, name, to) in shifts {
        let Some(data) = data else {
            return;
        };
        let feature_idx = data.schema().feature_idx(name).unwrap();
        let rows: Vec<usize> = (0..data.n_rows().min(9000)).collect();
        let data = data.select(&rows);
        for share in [0.05, 0.1, 0.2, 0.5] {
            let delay = delay(&data, feature_idx, to, share);
            println!("{name} = {to} in {share} of the rows: {delay:?} rows");
            assert!(
                share < 0.5 || delay.is_some_and(|n_rows| n_rows <= 400),
                "{name}"
            );
        }
    }
}
