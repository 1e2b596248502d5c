//! The model card of an artifact: for people as Markdown, for programs as JSON.

use picket_schema::artifact::Artifact;
use serde_json::{Value, json};

/// Features named in the card for people.
const N_IMPORTANCES: usize = 10;

/// The card for programs. The same artifact gives the same bytes.
pub(super) fn to_json(artifact: &Artifact<'_>, bytes: &[u8]) -> Vec<u8> {
    let (card, schema) = (&artifact.card, &artifact.schema);
    let features: Vec<&str> = schema.features.iter().map(|x| x.name.as_str()).collect();
    let metrics: Vec<Value> = card
        .metrics
        .iter()
        .map(|x| json!({ "name": x.name, "value": x.value, "low": x.low, "high": x.high }))
        .collect();
    let value = json!({
        "name": card.name,
        "algorithm": card.algorithm,
        "artifact_digest": Artifact::digest(bytes).to_string(),
        "n_bytes": bytes.len(),
        "schema": { "name": schema.name, "digest": schema.digest().to_string(), "features": features },
        "positive_class": schema.label.positive.name,
        "negative_class": schema.label.negative.name,
        "threshold": artifact.decision.threshold,
        "uncertain": artifact.decision.uncertain,
        "metrics": metrics,
        "split": card.split,
        "n_rows_train": card.n_rows_train,
        "n_rows_test": card.n_rows_test,
        "memorised_share": card.memorised_share,
        "importances": card.importances,
        "parameters": card.parameters,
        "seed": card.seed,
        "code_version": card.code_version,
        "data_digest": card.data_digest.to_string(),
        "parent": card.parent.map(|parent| parent.to_string()),
        "notes": card.notes,
    });
    format!("{value:#}\n").into_bytes()
}

/// The card for people. The same artifact gives the same bytes.
pub(super) fn to_markdown(artifact: &Artifact<'_>, bytes: &[u8]) -> Vec<u8> {
    let (card, schema) = (&artifact.card, &artifact.schema);
    let label = &schema.label;
    let mut text = format!("# {}\n\n", plain(&card.name));
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!(
        "Learner: {}. Schema: {}, {} features. A score is the probability of **{}** (the positive class); the other class is {}.",
        plain(&card.algorithm),
        plain(&schema.name),
        schema.n_features(),
        plain(&label.positive.name),
        plain(&label.negative.name)
    ));
    line(format!(
        "A row is taken for positive from a score of {} on.",
        artifact.decision.threshold
    ));
    if let Some([low, high]) = artifact.decision.uncertain {
        line(format!(
            "Scores from {low} to below {high} are called uncertain."
        ));
    }
    line("\n## Metrics\n".to_owned());
    line(format!(
        "Measured on {} rows that the measured model did not see ({} split); intervals are 95 %. Of a random split's test rows {:.1} % stand in its training part too.\n",
        card.n_rows_test,
        plain(&card.split),
        100.0 * card.memorised_share
    ));
    line("| metric | value | low | high |\n|---|---|---|---|".to_owned());
    for metric in &card.metrics {
        line(format!(
            "| {} | {:.4} | {:.4} | {:.4} |",
            plain(&metric.name),
            metric.value,
            metric.low,
            metric.high
        ));
    }
    let mut importances: Vec<(&str, f64)> = schema
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .zip(card.importances.iter().copied())
        .collect();
    importances.sort_by(|a, b| b.1.total_cmp(&a.1));
    if !importances.is_empty() {
        line("\n## Importances\n\n| feature | share |\n|---|---|".to_owned());
        for (name, share) in importances.iter().take(N_IMPORTANCES) {
            line(format!("| {} | {:.1} % |", plain(name), 100.0 * share));
        }
    }
    if !card.notes.is_empty() {
        line("\n## Notes\n".to_owned());
        for note in &card.notes {
            line(format!("- {}", plain(note)));
        }
    }
    line("\n## Lineage\n\n| | |\n|---|---|".to_owned());
    let parent = card.parent.map_or("none".to_owned(), |x| x.to_string());
    for (name, value) in [
        ("artifact", Artifact::digest(bytes).to_string()),
        ("size", format!("{} bytes", bytes.len())),
        ("schema", schema.digest().to_string()),
        ("training data", card.data_digest.to_string()),
        ("rows to learn from", card.n_rows_train.to_string()),
        ("parent", parent),
        ("code version", plain(&card.code_version)),
        ("seed", card.seed.to_string()),
    ] {
        line(format!("| {name} | {value} |"));
    }
    for (name, value) in &card.parameters {
        line(format!("| {} | {} |", plain(name), plain(value)));
    }
    text.into_bytes()
}

/// Text that Markdown takes for text: names come from data.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                plain.push('\\');
                plain.push(c);
            }
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        assert_eq!(
            plain("<script>|a_b|\n# [x](y)"),
            "&lt;script&gt;\\|a\\_b\\| \\# \\[x\\](y)"
        );
    }
}
