//! What the project wants to reach: an engine's time as a share of another's, or a bound on it.

use super::contest::{Contest, median, ratios, spread};
use super::record::Record;

/// Where an engine's time stands: mode, host, engine.
type Place = (&'static str, &'static str, &'static str);

/// Picket's time over a peer's, and what is allowed of it.
struct Share {
    shapes: &'static [&'static str],
    ours: Place,
    theirs: Place,
    allowed: f64,
}

/// A bound on Picket's time in nanoseconds.
struct Bound {
    shape: &'static str,
    ours: Place,
    allowed: f64,
}

const BOTH: &[&str] = &["gbdt", "forest"];
const GBDT: &[&str] = &["gbdt"];

const fn share(shapes: &'static [&'static str], ours: Place, theirs: Place, allowed: f64) -> Share {
    Share {
        shapes,
        ours,
        theirs,
        allowed,
    }
}

const TL2CGEN: Place = ("single", "native", "tl2cgen");

const SHARES: [Share; 13] = [
    share(BOTH, ("single", "wasmtime", "picket"), TL2CGEN, 0.3),
    share(BOTH, ("single", "node", "picket"), TL2CGEN, 0.5),
    share(BOTH, ("single", "chromium", "picket"), TL2CGEN, 0.5),
    share(BOTH, ("batch", "wasmtime", "picket"), TL2CGEN, 0.15),
    share(BOTH, ("batch", "node", "picket"), TL2CGEN, 0.25),
    share(BOTH, ("batch", "chromium", "picket"), TL2CGEN, 0.25),
    share(
        GBDT,
        ("batch", "wasmtime", "picket"),
        ("batch", "native", "ydf"),
        1.0,
    ),
    share(
        BOTH,
        ("single", "node", "picket"),
        ("single", "node", "onnxruntime-web"),
        1.0 / 15.0,
    ),
    share(
        BOTH,
        ("batch", "node", "picket"),
        ("batch", "node", "onnxruntime-web"),
        1.0 / 12.0,
    ),
    share(
        GBDT,
        ("explain", "native", "picket"),
        ("explain", "native", "xgboost"),
        0.2,
    ),
    share(
        GBDT,
        ("explain", "native", "picket"),
        ("explain-batch", "native", "xgboost"),
        0.2,
    ),
    share(
        GBDT,
        ("explain", "wasmtime", "picket"),
        ("explain", "native", "xgboost"),
        0.2,
    ),
    share(
        GBDT,
        ("explain", "wasmtime", "picket"),
        ("explain-batch", "native", "xgboost"),
        0.2,
    ),
];

const BOUNDS: [Bound; 4] = [
    Bound {
        shape: "forest",
        ours: ("explain", "wasmtime", "picket"),
        allowed: 2e6,
    },
    Bound {
        shape: "gbdt",
        ours: ("load", "wasmtime", "picket"),
        allowed: 100e3,
    },
    Bound {
        shape: "forest",
        ours: ("load", "wasmtime", "picket"),
        allowed: 700e3,
    },
    Bound {
        shape: "gbdt",
        ours: ("start", "wasmtime", "picket-component"),
        allowed: 500e3,
    },
];

/// The shares of which both sides were measured.
pub(crate) fn shares(contest: &Contest, bench: &'static str, seed: u64) -> Vec<Record> {
    let rounds = |(mode, host, engine): Place| contest.rounds(host, engine, mode);
    let mut records = Vec::new();
    for goal in SHARES
        .iter()
        .filter(|goal| goal.shapes.contains(&contest.shape.as_str()))
    {
        let (Some(ours), Some(theirs)) = (rounds(goal.ours), rounds(goal.theirs)) else {
            continue;
        };
        let ratios = ratios(ours, theirs);
        let (mode, host, engine) = goal.ours;
        records.push(Record {
            bench,
            shape: contest.shape.clone(),
            mode: mode.to_owned(),
            host: host.to_owned(),
            engine: format!(
                "{engine} / {} {} {}",
                goal.theirs.1, goal.theirs.2, goal.theirs.0
            ),
            value: median(&ratios),
            unit: "ratio",
            version: None,
            spread: Some(spread(&ratios)),
            seed,
            allowed: Some(goal.allowed),
        });
    }
    records
}

/// Writes the bounds into the records that they are about.
pub(crate) fn set_bounds(records: &mut [Record]) {
    for record in records {
        let place = (
            record.mode.as_str(),
            record.host.as_str(),
            record.engine.as_str(),
        );
        let bound = BOUNDS
            .iter()
            .find(|bound| bound.shape == record.shape && bound.ours == place);
        record.allowed = record.allowed.or(bound.map(|bound| bound.allowed));
    }
}
