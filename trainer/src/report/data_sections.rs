//! Sections on the rows: profile, findings, drift.

use maud::{Markup, html};

use crate::report::contents::{ClassCount, ColumnProfile, Report, Severity};
use crate::report::number;
use crate::report::page::Section;

/// The rows, column by column.
pub(super) fn profile(report: &Report) -> Option<Section> {
    let profile = report.profile.as_ref()?;
    let (positive, negative) = (
        report.summary.positive_class.as_str(),
        report.summary.negative_class.as_str(),
    );
    let n_negative = profile.n_rows.saturating_sub(profile.n_positive);
    let share = number::percent(number::share_of(profile.n_positive, profile.n_rows));
    let body = html! {
        p {
            (number::count(profile.n_rows)) " rows, " (number::count(profile.n_distinct_rows))
            " of them distinct in their features. "
            span.key.positive { (positive) } ": " (number::count(profile.n_positive)) " (" (share) "), "
            span.key.negative { (negative) } ": " (number::count(n_negative)) "."
        }
        div.scroll tabindex="0" role="region" aria-label="Columns of the data" {
            table {
                caption { "Bars show how the rows of each class spread over a column's values; each class adds up to 100 %." }
                thead {
                    tr {
                        th scope="col" { "Column" }
                        th scope="col" { "Kind" }
                        th.number scope="col" { "Missing" }
                        th.number scope="col" { "Distinct" }
                        th scope="col" { "Values" }
                        th scope="col" { "By class" }
                    }
                }
                tbody {
                    @for column in &profile.columns { (column_row(column, profile.n_rows, positive, negative)) }
                }
            }
        }
    };
    Some(Section {
        id: "data",
        title: "Data",
        body,
    })
}

fn column_row(column: &ColumnProfile, n_rows: u64, positive: &str, negative: &str) -> Markup {
    html! {
        tr {
            th scope="row" { (column.name) }
            td { (column.kind) @if !column.unit.is_empty() { ", " (column.unit) } }
            td.number {
                @if column.n_missing == 0 { "0" }
                @else { (number::percent(number::share_of(column.n_missing, n_rows))) }
            }
            td.number { (number::count(column.n_distinct)) }
            td { (column.values) }
            td { (class_bars(&column.bars, positive, negative)) }
        }
    }
}

/// For each value two bars, one a class, as shares of the class.
fn class_bars(bars: &[ClassCount], positive: &str, negative: &str) -> Markup {
    const WIDTH: f64 = 132.0;
    const HEIGHT: f64 = 30.0;
    let n_positive: u64 = bars.iter().map(|bar| bar.n_positive).sum();
    let n_negative: u64 = bars.iter().map(|bar| bar.n_negative).sum();
    let shares: Vec<[f64; 2]> = bars
        .iter()
        .map(|bar| {
            [
                number::share_of(bar.n_negative, n_negative),
                number::share_of(bar.n_positive, n_positive),
            ]
        })
        .collect();
    let most = shares.iter().flatten().copied().fold(0.0, f64::max);
    if most == 0.0 {
        return html! {};
    }
    let slot = (WIDTH / bars.len() as f64).min(30.0);
    let width = slot * 0.4;
    let words: Vec<String> = bars
        .iter()
        .zip(&shares)
        .map(|(bar, [negatives, positives])| {
            format!(
                "{}: {} of {positive}, {} of {negative}",
                bar.label,
                number::percent(*positives),
                number::percent(*negatives)
            )
        })
        .collect();
    html! {
        svg.mini role="img" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="xMinYMax meet" {
            title { (words.join("; ")) }
            @for (idx, pair) in shares.iter().enumerate() {
                @for (class, share) in pair.iter().enumerate() {
                    @let height = share / most * (HEIGHT - 2.0);
                    @let x = idx as f64 * slot + class as f64 * width;
                    rect class=(["fill-negative", "fill-positive"][class])
                        x=(format!("{x:.1}")) y=(format!("{:.1}", HEIGHT - 1.0 - height))
                        width=(format!("{:.1}", width)) height=(format!("{height:.1}")) {}
                }
            }
            rect.fill-grid x="0" y=(HEIGHT - 1.0) width=(format!("{:.1}", slot * bars.len() as f64)) height="1" {}
        }
    }
}

/// What checking the rows found.
pub(super) fn findings(report: &Report) -> Option<Section> {
    let findings = report.findings.as_ref()?;
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    let body = html! {
        @if sorted.is_empty() {
            p { "The rows were checked against the schema; nothing was found." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Findings" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Severity" }
                            th scope="col" { "Column" }
                            th scope="col" { "Finding" }
                            th.number scope="col" { "Rows" }
                        }
                    }
                    tbody {
                        @for finding in sorted {
                            @let (class, words) = match finding.severity {
                                Severity::Error => ("error", "error"),
                                Severity::Warning => ("warning", "warning"),
                                Severity::Note => ("remark", "note"),
                            };
                            tr {
                                td { span class={ "badge " (class) } { (words) } }
                                th scope="row" { (finding.column.as_deref().unwrap_or("all")) }
                                td { (finding.message) }
                                td.number { @if let Some(n_rows) = finding.n_rows { (number::count(n_rows)) } }
                            }
                        }
                    }
                }
            }
        }
    };
    Some(Section {
        id: "validation",
        title: "Validation",
        body,
    })
}

/// How far the rows are from earlier ones.
pub(super) fn drift(report: &Report) -> Option<Section> {
    let drift = report.drift.as_ref()?;
    let n_drifted = drift
        .columns
        .iter()
        .filter(|column| column.is_drifted)
        .count();
    let mut sorted: Vec<_> = drift.columns.iter().collect();
    sorted.sort_by(|a, b| {
        b.is_drifted
            .cmp(&a.is_drifted)
            .then(a.adjusted_p_value.total_cmp(&b.adjusted_p_value))
            .then(b.psi.total_cmp(&a.psi))
    });
    let body = html! {
        p {
            @if drift.is_drifted { strong.drifted { "The rows have drifted. " } }
            @else { strong { "No drift. " } }
            (n_drifted) " of " (drift.columns.len()) " columns differ from " (drift.reference) "."
        }
        div.scroll tabindex="0" role="region" aria-label="Drift of the columns" {
            table {
                caption { "p-values are corrected for the number of columns. A stability index (PSI) below 0.1 is small, above 0.25 large." }
                thead {
                    tr {
                        th scope="col" { "Column" }
                        th scope="col" { "Verdict" }
                        th scope="col" { "Test" }
                        th.number scope="col" { "Statistic" }
                        th.number scope="col" { "p-value" }
                        th.number scope="col" { "Corrected" }
                        th.number scope="col" { "PSI" }
                    }
                }
                tbody {
                    @for column in sorted {
                        tr {
                            th scope="row" { (column.name) }
                            td {
                                @if column.is_drifted { span.badge.drifted { "drifted" } }
                                @else { span.stable { "stable" } }
                            }
                            td { (column.test) }
                            td.number { (number::short(column.statistic)) }
                            td.number { (number::p_value(column.p_value)) }
                            td.number { (number::p_value(column.adjusted_p_value)) }
                            td.number { (format!("{:.3}", column.psi)) }
                        }
                    }
                }
            }
        }
    };
    Some(Section {
        id: "drift",
        title: "Drift",
        body,
    })
}
