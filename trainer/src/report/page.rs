//! The page around the sections: one file, no script, nothing from a network.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::contents::{Decision, Report, Summary};
use crate::report::{data_sections, explanations, model_sections, number};

const STYLE: &str = include_str!("style.css");

/// A part of the page.
pub(super) struct Section {
    /// Letters and hyphens only.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Markup,
}

impl Report {
    /// The report as one HTML file. It is the same for equal contents.
    #[must_use]
    pub fn to_html(&self) -> String {
        let sections: Vec<Section> = [
            Some(results(&self.summary)),
            model_sections::performance(self),
            model_sections::candidates(self),
            explanations::importances(self),
            explanations::examples(self),
            data_sections::profile(self),
            data_sections::findings(self),
            data_sections::drift(self),
            lineage(&self.lineage),
        ]
        .into_iter()
        .flatten()
        .collect();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    // Nothing to fetch and nothing to run, whatever a name in the data says.
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    title { (self.summary.model) " · training report" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#results" { "Skip to the results" }
                    (head(&self.summary))
                    nav aria-label="Sections" {
                        ol { @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                    main {
                        @for section in &sections {
                            section id=(section.id) aria-labelledby={ (section.id) "-head" } {
                                h2 id={ (section.id) "-head" } { (section.title) }
                                (section.body)
                            }
                        }
                    }
                    footer { "Written by Picket. Intervals are 95 %." }
                }
            }
        };
        page.into_string()
    }
}

fn head(summary: &Summary) -> Markup {
    html! {
        header {
            h1 { (summary.model) }
            p.lead {
                "Training report. "
                @if !summary.algorithm.is_empty() { "Learner: " (summary.algorithm) ". " }
                @if !summary.schema.is_empty() { "Schema: " (summary.schema) ". " }
                "A score is the probability of "
                strong.positive { (summary.positive_class) }
                " (the positive class); the other class is "
                strong.negative { (summary.negative_class) } "."
            }
            @if let Some(outcome) = &summary.outcome {
                @let (class, words) = match outcome.decision {
                    Decision::Accepted => ("accepted", "Accepted"),
                    Decision::Rejected => ("rejected", "Rejected"),
                    Decision::NotEnoughEvidence => ("not-enough-evidence", "Not enough evidence"),
                };
                div class={ "outcome " (class) } { strong { (words) } (outcome.reason) }
            }
        }
    }
}

fn results(summary: &Summary) -> Section {
    let body = html! {
        @if !summary.measured_on.is_empty() { p.note { (summary.measured_on) } }
        @if !summary.metrics.is_empty() {
            ul.tiles {
                @for metric in &summary.metrics {
                    li {
                        span.name { (number::metric_name(&metric.name)) }
                        span.value { (number::metric(metric.value)) }
                        @if let (Some(low), Some(high)) = (metric.low, metric.high) {
                            span.interval { (number::metric(low)) " to " (number::metric(high)) }
                        }
                        @if number::is_loss(&metric.name) { span.interval { " · less is better" } }
                    }
                }
            }
        }
        @for note in &summary.notes { p.note { (note) } }
    };
    Section {
        id: "results",
        title: "Results",
        body,
    }
}

fn lineage(entries: &[(String, String)]) -> Option<Section> {
    if entries.is_empty() {
        return None;
    }
    let body = html! {
        p.note { "The same data, parameters, seed and code give the same artifact, byte for byte." }
        dl {
            @for (name, value) in entries {
                dt { (name) }
                dd {
                    @if value.starts_with("sha256:") { code { (value) } } @else { (value) }
                }
            }
        }
    };
    Some(Section {
        id: "lineage",
        title: "Lineage",
        body,
    })
}
