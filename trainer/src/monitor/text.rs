//! A look as a table for people.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::live_view::LiveView;
use super::share::Share;

/// The most lines of a list.
const N_LINES: usize = 20;

fn time(ms: u64) -> String {
    // Later than the year 9999 there is no text.
    let time = UNIX_EPOCH + Duration::from_millis(ms.min(253_402_300_799_000));
    humantime::format_rfc3339_seconds(time).to_string()
}

fn share(share: Share) -> String {
    if share.of == 0 {
        return "none".to_owned();
    }
    format!(
        "{:.4} ({:.4} to {:.4}, {} of {})",
        share.value, share.low, share.high, share.n, share.of
    )
}

fn short(digest: &str) -> &str {
    let digits = digest.trim_start_matches("sha256:");
    digits.get(..12).unwrap_or(digits)
}

/// What stands in records is shown without its control characters: a version may hold any text.
fn plain(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_control() { '?' } else { it })
        .collect()
}

fn shadows(view: &LiveView, text: &mut String) {
    for shadow in &view.shadows {
        let _ = writeln!(
            text,
            "\nchallenger {} beside {}: agreement {}, mean difference {:+.4}",
            short(&shadow.challenger.digest),
            short(&shadow.champion.digest),
            share(shadow.agreement),
            shadow.mean_delta
        );
        if let Some(paired) = shadow.paired {
            let _ = writeln!(
                text,
                "  champion   {}\n  challenger {}\n  p = {:.4} (McNemar)",
                share(paired.champion),
                share(paired.challenger),
                paired.test.p_value
            );
        }
    }
}

fn drift(view: &LiveView, text: &mut String) {
    for drift in &view.drift {
        let _ = writeln!(
            text,
            "\ndrift of {}: {} of {} features, {} rows against {}",
            short(&drift.model.digest),
            drift.n_drifted,
            drift.features.len(),
            drift.n_live,
            drift.n_reference
        );
        let shown = drift.features.iter().chain(&drift.scores);
        for column in shown.filter(|it| it.has_drifted).take(N_LINES) {
            let _ = writeln!(
                text,
                "  {:<32} index {:.3}, q = {:.2e}",
                plain(&column.column),
                column.psi,
                column.q_value
            );
        }
    }
}

fn nodes(view: &LiveView, text: &mut String) {
    if !view.nodes.is_empty() {
        let _ = writeln!(text);
    }
    for node in view.nodes.iter().take(N_LINES) {
        let model = node.model.as_ref().map_or("", |it| short(&it.digest));
        let spool = node.spool.map_or_else(String::new, |it| {
            format!(
                ", {} pending, spool {:.0} % full",
                it.pending,
                it.fill * 100.0
            )
        });
        let _ = writeln!(
            text,
            "node {:<24} seen {}  {model}  {} rows{spool}",
            node.node,
            time(node.last_seen_ms),
            node.n_rows
        );
    }
    if view.nodes.len() > N_LINES {
        let _ = writeln!(text, "and {} nodes more", view.nodes.len() - N_LINES);
    }
}

/// A look as a table for people.
#[must_use]
pub fn to_text(view: &LiveView) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}  {} to {}",
        view.store,
        time(view.from_ms),
        time(view.to_ms)
    );
    let all = view.totals.verdicts;
    let _ = writeln!(
        text,
        "{} rows on {} nodes: {} positive, {} negative, {} uncertain; {} labels, {} joined, {} predictions with conflicting ones",
        view.totals.n_rows,
        view.totals.n_nodes,
        all.positive,
        all.negative,
        all.uncertain,
        view.labels.counts.n_labels,
        view.labels.n_joined,
        view.labels.counts.n_conflicting,
    );
    for version in &view.versions {
        let release = version
            .release
            .map_or_else(String::new, |it| format!(", release {it}"));
        let champion = if version.is_champion {
            ", champion"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "\nmodel {} {}{release}{champion}: {} rows",
            plain(&version.model.version),
            short(&version.model.digest),
            version.n_rows
        );
        if let Some(accuracy) = version.accuracy {
            let _ = writeln!(
                text,
                "  accuracy   {}\n  recall     {}\n  precision  {}",
                share(accuracy.accuracy),
                share(accuracy.recall),
                share(accuracy.precision)
            );
        }
    }
    shadows(view, &mut text);
    drift(view, &mut text);
    nodes(view, &mut text);
    for alert in &view.alerts {
        let _ = writeln!(
            text,
            "\n{}: {} since {}: {}",
            alert.state,
            alert.key,
            time(alert.since_ms),
            plain(&alert.message)
        );
    }
    if !view.records.n_invalid.is_empty() {
        let _ = writeln!(text, "\nno records: {:?}", view.records.n_invalid);
    }
    text
}
