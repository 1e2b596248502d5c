//! Sections on why: importances, and single rows explained.

use maud::{Markup, html};

use crate::report::contents::{Case, Example, Importance, Report};
use crate::report::number;
use crate::report::page::Section;

/// Features beyond these say little; the rest are named in a sentence.
const N_SHOWN: usize = 25;

/// What the model looks at.
pub(super) fn importances(report: &Report) -> Option<Section> {
    if report.importances.is_empty() {
        return None;
    }
    let contribution = |importance: &Importance| importance.mean_abs_contribution.unwrap_or(0.0);
    let permutation = |importance: &Importance| importance.permutation.unwrap_or(0.0);
    let mut sorted: Vec<&Importance> = report.importances.iter().collect();
    sorted.sort_by(|a, b| {
        contribution(b)
            .total_cmp(&contribution(a))
            .then(permutation(b).total_cmp(&permutation(a)))
    });
    let most =
        |value: &dyn Fn(&Importance) -> f64| sorted.iter().map(|x| value(x)).fold(0.0, f64::max);
    let (most_contribution, most_permutation) = (most(&contribution), most(&permutation));
    let has_contribution = sorted.iter().any(|x| x.mean_abs_contribution.is_some());
    let has_permutation = sorted.iter().any(|x| x.permutation.is_some());
    let n_rest = sorted.len().saturating_sub(N_SHOWN);
    let body = html! {
        p.note {
            @if has_contribution { "Mean |SHAP| is how far a feature moves the margin of a row, on average. " }
            @if has_permutation { "Permutation is the ROC-AUC lost when the feature's values are shuffled among the rows; features that say the same share it. " }
            "Neither says that a feature causes anything."
        }
        div.scroll tabindex="0" role="region" aria-label="Importances" {
            table {
                thead {
                    tr {
                        th scope="col" { "Feature" }
                        @if has_contribution { th.number scope="col" { "Mean |SHAP|" } td {} }
                        @if has_permutation { th.number scope="col" { "Permutation" } td {} }
                    }
                }
                tbody {
                    @for importance in sorted.iter().take(N_SHOWN) {
                        tr {
                            th scope="row" { (importance.feature) }
                            @if has_contribution {
                                td.number { (format!("{:.3}", contribution(importance))) }
                                td { (bar(contribution(importance), most_contribution, "fill-accent")) }
                            }
                            @if has_permutation {
                                td.number { (number::metric(permutation(importance))) }
                                td { (bar(permutation(importance), most_permutation, "fill-muted")) }
                            }
                        }
                    }
                }
            }
        }
        @if n_rest > 0 { p.note { "The other " (n_rest) " features weigh less." } }
    };
    Some(Section {
        id: "importances",
        title: "Importances",
        body,
    })
}

/// The number stands beside it, so the bar is for the eye alone.
fn bar(x: f64, most: f64, class: &str) -> Markup {
    let width = if most > 0.0 {
        (x / most).clamp(0.0, 1.0) * 150.0
    } else {
        0.0
    };
    html! {
        svg.bar aria-hidden="true" viewBox="0 0 150 12" {
            rect class=(class) x="0" y="1" height="10" rx="1.5" width=(format!("{width:.1}")) {}
        }
    }
}

/// A few rows explained.
pub(super) fn examples(report: &Report) -> Option<Section> {
    if report.examples.is_empty() {
        return None;
    }
    let (positive, negative) = (
        report.summary.positive_class.as_str(),
        report.summary.negative_class.as_str(),
    );
    let body = html! {
        p.note {
            "From the average row to this one: each bar starts where the one above ends, "
            span.key.positive { "towards " (positive) } " or " span.key.negative { "towards " (negative) }
            ". The amounts add up to the margin, the model's raw output."
        }
        div.examples {
            @for example in &report.examples { (waterfall(example, positive, negative)) }
        }
    };
    Some(Section {
        id: "examples",
        title: "Examples",
        body,
    })
}

fn waterfall(example: &Example, positive: &str, negative: &str) -> Markup {
    let words = match example.case {
        Case::TruePositive => format!("{positive}, found"),
        Case::FalsePositive => format!("{negative}, a false alarm"),
        Case::FalseNegative => format!("{positive}, missed"),
        Case::TrueNegative => format!("{negative}, let through"),
    };
    // Where the running sum stands before and after each step.
    let mut steps: Vec<(String, String, f64)> = example
        .contributions
        .iter()
        .map(|x| (x.feature.clone(), x.value.clone(), x.amount))
        .collect();
    steps.push((
        "all other features".to_owned(),
        String::new(),
        example.others,
    ));
    let mut sums = vec![example.base];
    for (_, _, amount) in &steps {
        sums.push(sums[sums.len() - 1] + amount);
    }
    let low = sums.iter().copied().fold(f64::INFINITY, f64::min);
    let high = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let place = |x: f64| 4.0 + 192.0 * (x - low) / (high - low).max(1e-12);
    html! {
        article {
            h3 { (words) }
            p.note { "Row " (number::count(example.row)) ", score " (format!("{:.3}", example.score)) }
            div.scroll tabindex="0" role="region" aria-label={ "Explanation of row " (example.row) } {
                table {
                    thead {
                        tr {
                            th scope="col" { "Feature" }
                            th scope="col" { "Value" }
                            th.number scope="col" { "Adds" }
                            td {}
                        }
                    }
                    tbody {
                        tr.total {
                            th scope="row" { "average row" } td {}
                            td.number { (number::signed(example.base)) }
                            td { (tick(place(example.base))) }
                        }
                        @for (idx, (feature, value, amount)) in steps.iter().enumerate() {
                            tr {
                                th scope="row" { (feature) }
                                td { (value) }
                                td.number { (number::signed(*amount)) }
                                td { (step(place(sums[idx]), place(sums[idx + 1]))) }
                            }
                        }
                        tr.total {
                            th scope="row" { "margin" } td {}
                            td.number { (number::signed(example.margin)) }
                            td { (tick(place(example.margin))) }
                        }
                    }
                }
            }
        }
    }
}

fn tick(at: f64) -> Markup {
    html! {
        svg.step aria-hidden="true" viewBox="0 0 200 16" {
            rect.fill-ink x=(format!("{:.1}", at - 1.0)) y="1" width="2" height="14" {}
        }
    }
}

fn step(from: f64, to: f64) -> Markup {
    let class = if to < from {
        "fill-negative"
    } else {
        "fill-positive"
    };
    html! {
        svg.step aria-hidden="true" viewBox="0 0 200 16" {
            rect class=(class) x=(format!("{:.1}", from.min(to))) y="2" height="12"
                width=(format!("{:.1}", (to - from).abs().max(1.0))) {}
        }
    }
}
