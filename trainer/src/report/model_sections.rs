//! Sections on the model: how well it tells the classes apart, and what the search tried.

use maud::{Markup, html};

use crate::report::contents::{Candidate, Confusion, Report, Table};
use crate::report::page::Section;
use crate::report::{number, plots};

/// Curves, confusion matrix and further tables.
pub(super) fn performance(report: &Report) -> Option<Section> {
    let (positive, negative) = (
        report.summary.positive_class.as_str(),
        report.summary.negative_class.as_str(),
    );
    let body = html! {
        @if let Some(performance) = &report.performance {
            @let charts: Vec<_> = [
                plots::roc(performance),
                plots::precision_recall(performance),
                plots::scores(performance, positive, negative),
                plots::reliability(performance),
                plots::cost(performance),
            ].into_iter().flatten().collect();
            div.charts {
                (confusion_table(performance.confusion, performance.threshold, positive, negative))
                @for chart in &charts { (chart.figure()) }
            }
        }
        @for table in &report.tables { (further(table)) }
    };
    (report.performance.is_some() || !report.tables.is_empty()).then_some(Section {
        id: "performance",
        title: "Performance",
        body,
    })
}

fn confusion_table(confusion: Confusion, threshold: f64, positive: &str, negative: &str) -> Markup {
    let positives = confusion.true_positives + confusion.false_negatives;
    let negatives = confusion.false_positives + confusion.true_negatives;
    let cell = |n: u64, whole: u64, class: &str, words: &str| {
        let share = number::share_of(n, whole);
        html! {
            td class=(class) style={ "--share:" (format!("{share:.3}")) } {
                b { (number::count(n)) } (number::percent(share)) " " (words)
            }
        }
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table.confusion {
                caption {
                    strong { "Verdicts" }
                    "A row is called " (positive) " from a score of " (number::short(threshold)) " on. Shares are of the table's row."
                }
                thead {
                    tr {
                        td {}
                        th scope="col" { "called " (positive) }
                        th scope="col" { "called " (negative) }
                    }
                }
                tbody {
                    tr {
                        th scope="row" { "is " (positive) " (" (number::count(positives)) ")" }
                        (cell(confusion.true_positives, positives, "right", "found"))
                        (cell(confusion.false_negatives, positives, "wrong", "missed"))
                    }
                    tr {
                        th scope="row" { "is " (negative) " (" (number::count(negatives)) ")" }
                        (cell(confusion.false_positives, negatives, "wrong", "false alarms"))
                        (cell(confusion.true_negatives, negatives, "right", "let through"))
                    }
                }
            }
        }
    }
}

fn further(table: &Table) -> Markup {
    html! {
        h3 { (table.title) }
        div.scroll tabindex="0" role="region" aria-label=(table.title) {
            table {
                @if !table.note.is_empty() { caption { (table.note) } }
                thead {
                    tr {
                        @for (idx, head) in table.header.iter().enumerate() {
                            th.number[idx > 0] scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (idx, field) in row.iter().enumerate() {
                                @if idx == 0 { th scope="row" { (field) } } @else { td.number { (field) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Mean and standard deviation (of a sample) of a candidate's folds.
fn mean_and_sd(folds: &[f64]) -> Option<(f64, f64)> {
    if folds.is_empty() {
        return None;
    }
    let n = folds.len() as f64;
    let mean = folds.iter().sum::<f64>() / n;
    let squares: f64 = folds.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some((mean, (squares / (n - 1.0).max(1.0)).sqrt()))
}

/// What the search tried.
pub(super) fn candidates(report: &Report) -> Option<Section> {
    let search = report.candidates.as_ref()?;
    let mut sorted: Vec<(&Candidate, Option<(f64, f64)>)> = search
        .candidates
        .iter()
        .map(|candidate| (candidate, mean_and_sd(&candidate.folds)))
        .collect();
    let worth = |mean: Option<(f64, f64)>| {
        mean.map_or(f64::INFINITY, |(mean, _)| {
            if search.higher_is_better { -mean } else { mean }
        })
    };
    // Stopped candidates were measured on less: they stand below.
    sorted.sort_by(|a, b| {
        let stopped = |candidate: &Candidate| candidate.stopped.is_some();
        (stopped(a.0).cmp(&stopped(b.0))).then(worth(a.1).total_cmp(&worth(b.1)))
    });
    let folds = || {
        sorted
            .iter()
            .flat_map(|(candidate, _)| &candidate.folds)
            .copied()
    };
    let range = [
        folds().fold(f64::INFINITY, f64::min),
        folds().fold(f64::NEG_INFINITY, f64::max),
    ];
    let name = number::metric_name(&search.metric);
    let body = html! {
        p.note {
            (sorted.len()) " candidates, compared by " (name) " on folds of the training rows"
            @if search.higher_is_better { "." } @else { "; less is better." }
            @if range[0].is_finite() {
                " Dots are the folds, from " (number::metric(range[0])) " to " (number::metric(range[1])) "; the line is their mean."
            }
        }
        div.scroll tabindex="0" role="region" aria-label="Candidates" {
            table {
                thead {
                    tr {
                        th.number scope="col" { "Rank" }
                        th scope="col" { "Learner" }
                        th.number scope="col" { (name) " (mean ± sd)" }
                        th scope="col" { "Folds" }
                        th.number scope="col" { "Time" }
                        th scope="col" { "Parameters" }
                    }
                }
                tbody {
                    @for (idx, (candidate, mean)) in sorted.iter().enumerate() {
                        tr.chosen[candidate.is_chosen] {
                            td.number { (idx + 1) }
                            th scope="row" {
                                (candidate.learner)
                                @if candidate.is_chosen { " " span.badge.best { "chosen" } }
                            }
                            td.number {
                                @if let Some((mean, sd)) = mean {
                                    (number::metric(*mean))
                                    @if candidate.folds.len() > 1 { " ± " (number::metric(*sd)) } @else { " (1 fold)" }
                                }
                                @else { "not measured" }
                            }
                            td { (fold_dots(&candidate.folds, range, mean.map(|(mean, _)| mean))) }
                            td.number { (number::seconds(candidate.seconds)) }
                            td.parameters {
                                @for (idx, (name, value)) in candidate.parameters.iter().enumerate() {
                                    @if idx > 0 { ", " }
                                    (name) " " b { (value) }
                                }
                                @if let Some(reason) = &candidate.stopped { " " em { "stopped: " (reason) } }
                            }
                        }
                    }
                }
            }
        }
    };
    Some(Section {
        id: "candidates",
        title: "Candidates",
        body,
    })
}

fn fold_dots(folds: &[f64], range: [f64; 2], mean: Option<f64>) -> Markup {
    let width = (range[1] - range[0]).max(1e-12);
    let place = |x: f64| format!("{:.1}", 6.0 + 138.0 * (x - range[0]) / width);
    let words: Vec<String> = folds.iter().map(|x| number::metric(*x)).collect();
    html! {
        @if let Some(mean) = mean {
            svg.strip role="img" viewBox="0 0 150 18" {
                title { (words.join(", ")) }
                line.stroke-grid x1="6" x2="144" y1="9" y2="9" {}
                line.stroke-ink stroke-width="2" x1=(place(mean)) x2=(place(mean)) y1="2" y2="16" {}
                @for x in folds { circle.fill-accent cx=(place(*x)) cy="9" r="3.2" fill-opacity="0.75" {} }
            }
        }
    }
}
