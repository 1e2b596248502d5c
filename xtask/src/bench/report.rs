//! What a side-by-side bench prints.

use super::contest::{Contest, median, ratios};
use super::lab::{self, Lab};
use super::record::Record;
use super::table::{self, number};

/// The hosts that Picket runs in, as columns.
const HOSTS: [&str; 4] = ["native", "wasmtime", "node", "chromium"];

/// Where and with what it was measured.
pub(crate) fn head(lab: &Lab, n_rounds: usize, core: Option<usize>) -> String {
    let pinned = core.map_or_else(
        || "not pinned: there is no taskset".to_owned(),
        |core| format!("one thread, pinned to core {core}"),
    );
    format!(
        "{}; {pinned}; {n_rounds} rounds in turns, median (low–high)\ndata: {}; seed {}; {}",
        lab::processor(),
        lab.data,
        lab.seed,
        lab.versions()
    )
}

/// A table of one shape: a row for each engine and mode, and how long Picket takes beside it.
pub(crate) fn times(contest: &Contest, records: &[Record]) -> String {
    let mut rows = vec![
        ["mode", "host", "engine", "ns", "low–high"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows[0].extend(HOSTS.map(|host| format!("picket {host} ÷ it")));
    rows[0].push("version".to_owned());
    for record in records
        .iter()
        .filter(|record| record.shape == contest.shape)
    {
        let spread = record
            .spread
            .map(|(low, high)| format!("{}–{}", number(low), number(high)));
        let mut row = vec![
            record.mode.clone(),
            record.host.clone(),
            record.engine.clone(),
            number(record.value),
            spread.unwrap_or_default(),
        ];
        for host in HOSTS {
            let ours = contest.rounds(host, "picket", &record.mode);
            let theirs = contest.rounds(&record.host, &record.engine, &record.mode);
            row.push(match (ours, theirs) {
                (Some(ours), Some(theirs)) if !std::ptr::eq(ours, theirs) => {
                    number(median(&ratios(ours, theirs)))
                }
                _ => "·".to_owned(),
            });
        }
        row.push(record.version.clone().unwrap_or_default());
        rows.push(row);
    }
    format!("{}\n{}", contest.shape, table::text(&rows))
}

/// What was to be reached, and whether it was; nothing where no goal was measured.
pub(crate) fn goals(records: &[Record]) -> String {
    let mut rows = vec![
        [
            "goal", "shape", "mode", "host", "engine", "reached", "allowed",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for record in records {
        if let (Some(holds), Some(allowed)) = (record.holds(), record.allowed) {
            let unit = if record.unit == "ratio" {
                ""
            } else {
                record.unit
            };
            rows.push(vec![
                if holds { "reached" } else { "MISSED" }.to_owned(),
                record.shape.clone(),
                record.mode.clone(),
                record.host.clone(),
                record.engine.clone(),
                format!("{} {unit}", number(record.value)).trim().to_owned(),
                format!("{} {unit}", number(allowed)).trim().to_owned(),
            ]);
        }
    }
    if rows.len() == 1 {
        return String::new();
    }
    table::text(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_said_aloud() {
        let record = |value| Record {
            bench: "scoring",
            shape: "gbdt".to_owned(),
            mode: "single".to_owned(),
            host: "wasmtime".to_owned(),
            engine: "picket / native tl2cgen single".to_owned(),
            value,
            unit: "ratio",
            version: None,
            spread: None,
            seed: 0,
            allowed: Some(0.3),
        };
        assert!(goals(&[record(0.31)]).contains("MISSED"));
        let reached = goals(&[record(0.29)]);
        assert!(
            reached.contains("reached  gbdt") && !reached.contains("MISSED"),
            "{reached}"
        );
        assert_eq!(
            goals(&[Record {
                allowed: None,
                ..record(0.3)
            }]),
            ""
        );
    }
}
