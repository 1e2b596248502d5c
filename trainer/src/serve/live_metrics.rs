//! What the last look saw, in Prometheus' text format: `deploy/prometheus` raises alerts from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::monitor::{AlertView, LiveView};

/// Nodes beyond these have no samples: their names come from records.
const MAX_NODES: usize = 1000;
/// Models beyond these have none; the newest come first.
const MAX_MODELS: usize = 20;

/// A value for a label, with what would end it escaped.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('\n', "\\n")
}

fn family(page: &mut String, name: &str, kind: &str, help: &str, samples: Vec<(String, f64)>) {
    if samples.is_empty() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    for (labels, value) in samples {
        let _ = writeln!(page, "{name}{labels} {value}");
    }
}

/// Adds the families. `looked_ms` is when the last look ended well.
pub(crate) fn write(
    page: &mut String,
    view: Option<&LiveView>,
    alerts: &[AlertView],
    looked_ms: Option<u64>,
    n_failures: u64,
) {
    let mut raised: BTreeMap<&str, f64> = BTreeMap::new();
    for alert in alerts.iter().filter(|it| it.state == "raised") {
        *raised.entry(&alert.rule).or_default() += 1.0;
    }
    let mut raised: Vec<(String, f64)> = raised
        .into_iter()
        .map(|(rule, n)| (format!("{{rule=\"{}\"}}", escaped(rule)), n))
        .collect();
    if raised.is_empty() {
        raised.push((String::new(), 0.0));
    }
    family(
        page,
        "picket_alerts_raised",
        "gauge",
        "Alerts that are raised now, by rule.",
        raised,
    );
    let help = "Looks at the records that failed.";
    let failures = vec![(String::new(), n_failures as f64)];
    family(
        page,
        "picket_live_look_failures_total",
        "counter",
        help,
        failures,
    );
    let help = "When the records were last looked at, in seconds since 1970.";
    let looked = looked_ms.map(|ms| (String::new(), ms as f64 / 1000.0));
    let looked = looked.into_iter().collect();
    family(
        page,
        "picket_live_look_timestamp_seconds",
        "gauge",
        help,
        looked,
    );
    if let Some(view) = view {
        write_models(page, view);
        write_nodes(page, view);
    }
}

fn write_models(page: &mut String, view: &LiveView) {
    let label = |version: &str, digest: &str| {
        let digest = digest
            .trim_start_matches("sha256:")
            .get(..12)
            .unwrap_or_default();
        format!("{{model=\"{}\",digest=\"{digest}\"}}", escaped(version))
    };
    let versions = view.versions.iter().rev().take(MAX_MODELS);
    let labelled: Vec<_> = versions
        .filter_map(|it| Some((label(&it.model.version, &it.model.digest), it.accuracy?)))
        .collect();
    let of = |value: fn(&crate::monitor::Accuracy) -> f64| {
        let samples = labelled.iter().filter(|(_, it)| it.accuracy.of > 0);
        samples
            .map(|(labels, it)| (labels.clone(), value(it)))
            .collect()
    };
    let gauge = "gauge";
    let help = "The share of right verdicts among labelled rows.";
    family(
        page,
        "picket_live_accuracy",
        gauge,
        help,
        of(|it| it.accuracy.value),
    );
    let help = "The lower end of its 95 % interval.";
    family(
        page,
        "picket_live_accuracy_low",
        gauge,
        help,
        of(|it| it.accuracy.low),
    );
    let help = "The upper end of its 95 % interval.";
    family(
        page,
        "picket_live_accuracy_high",
        gauge,
        help,
        of(|it| it.accuracy.high),
    );
    let help = "Labelled rows that it was measured on.";
    family(
        page,
        "picket_live_labelled_rows",
        gauge,
        help,
        of(|it| it.accuracy.of as f64),
    );
    let drift = view.drift.iter().rev().take(MAX_MODELS);
    let drift: Vec<_> = drift
        .map(|it| (label(&it.model.version, &it.model.digest), it))
        .collect();
    let of = |value: fn(&crate::monitor::ModelDrift) -> f64| {
        drift
            .iter()
            .map(|(labels, it)| (labels.clone(), value(it)))
            .collect()
    };
    let help = "Features that have drifted.";
    family(
        page,
        "picket_live_drifted_features",
        gauge,
        help,
        of(|it| it.n_drifted as f64),
    );
    let help = "1 where the scores have drifted.";
    let scores = of(|it| {
        f64::from(u8::from(
            it.scores.as_ref().is_some_and(|it| it.has_drifted),
        ))
    });
    family(page, "picket_live_scores_drifted", gauge, help, scores);
    let help = "The largest population stability index of a feature.";
    let largest = of(|it| it.features.iter().map(|it| it.psi).fold(0.0, f64::max));
    family(page, "picket_live_drift_psi_max", gauge, help, largest);
}

fn write_nodes(page: &mut String, view: &LiveView) {
    let nodes: Vec<_> = view.nodes.iter().take(MAX_NODES).collect();
    let label = |node: &str| format!("{{node=\"{}\"}}", escaped(node));
    let seen = nodes
        .iter()
        .map(|it| (label(&it.node), it.last_seen_ms as f64 / 1000.0));
    let help = "When the newest record of a node was made, in seconds since 1970.";
    family(
        page,
        "picket_node_last_seen_timestamp_seconds",
        "gauge",
        help,
        seen.collect(),
    );
    let spools = nodes
        .iter()
        .filter_map(|it| Some((label(&it.node), it.spool?)));
    let spools: Vec<_> = spools.collect();
    let pending = spools
        .iter()
        .map(|(labels, it)| (labels.clone(), it.pending as f64));
    let help = "Records that waited when the node last said so.";
    family(
        page,
        "picket_node_pending_records",
        "gauge",
        help,
        pending.collect(),
    );
    let fill = spools.iter().map(|(labels, it)| (labels.clone(), it.fill));
    let help = "How full its spool was, from 0 to 1.";
    family(
        page,
        "picket_node_spool_fill_ratio",
        "gauge",
        help,
        fill.collect(),
    );
}
