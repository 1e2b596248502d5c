//! The answer to a batch in each of its formats.

use std::fmt::Write as _;

use picket_schema::Verdict;
use picket_wasm_model::Scored;

use crate::answer::{BatchPrediction, Judgement, RowPrediction, VerdictCounts};
use crate::media::Format;
use crate::recording::PredictionId;
use crate::row_set::Rows;
use crate::served_model::ServedModel;

/// Scored rows of a batch.
pub(crate) struct BatchTable<'a> {
    pub(crate) model: &'a ServedModel,
    pub(crate) rows: &'a Rows,
    /// Shape: `(n_rows,)`, or empty where the host has no source of ids.
    pub(crate) ids: &'a [PredictionId],
    /// Shape: `(n_rows,)`.
    pub(crate) scored: &'a [Scored],
    pub(crate) counts: VerdictCounts,
}

impl BatchTable<'_> {
    pub(crate) fn write(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Json => self.json(),
            Format::Ndjson => self.ndjson(),
            Format::Csv => self.csv().into_bytes(),
            Format::Html => self.html().into_bytes(),
        }
    }

    fn predictions(&self) -> impl Iterator<Item = RowPrediction<'_>> {
        self.scored
            .iter()
            .enumerate()
            .map(|(row_idx, scored)| RowPrediction {
                row: row_idx + 1,
                judgement: Judgement::new(
                    self.model,
                    self.ids.get(row_idx).copied(),
                    scored,
                    self.rows.metadata(row_idx),
                ),
            })
    }

    fn json(&self) -> Vec<u8> {
        let document = BatchPrediction {
            n_rows: self.scored.len(),
            counts: self.counts,
            threshold: self.model.decision.threshold,
            model: self.model.tag(),
            predictions: self.predictions().collect(),
        };
        // Strings and numbers always encode: writing to memory cannot fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    fn ndjson(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for prediction in self.predictions() {
            // As above.
            out.extend(serde_json::to_vec(&prediction).unwrap_or_default());
            out.push(b'\n');
        }
        out
    }

    /// Quoted where needed (RFC 4180).
    fn csv(&self) -> String {
        let with_metadata = self.rows.has_metadata();
        let mut out = String::from("row,verdict,class,score,margin");
        if !self.ids.is_empty() {
            out.push_str(",id");
        }
        out.push_str(if with_metadata {
            ",metadata\r\n"
        } else {
            "\r\n"
        });
        for (row_idx, scored) in self.scored.iter().enumerate() {
            let class = csv_field(self.model.class(scored.verdict).unwrap_or_default());
            let (verdict, margin) = (verdict_name(scored.verdict), number(scored.margin.0));
            let score = number(scored.score.0);
            // Writing to a string cannot fail.
            let _ = write!(out, "{},{verdict},{class},{score},{margin}", row_idx + 1);
            if let Some(id) = self.ids.get(row_idx) {
                let _ = write!(out, ",{id}");
            }
            if with_metadata {
                out.push(',');
                out.push_str(&csv_field(self.rows.metadata(row_idx).unwrap_or_default()));
            }
            out.push_str("\r\n");
        }
        out
    }

    fn html(&self) -> String {
        let VerdictCounts {
            positive,
            negative,
            uncertain,
        } = self.counts;
        let label = &self.model.schema.label;
        let mut out = html_head("Picket: verdicts");
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<h1>Verdicts</h1>\n<p>{} rows: {positive} {}, {negative} {}, {uncertain} uncertain. \
             Model {}, <code>{}</code>.</p>\n<table>\n<thead><tr><th scope=col>Row\
             <th scope=col>Verdict<th scope=col>Class<th scope=col>Score<th scope=col>Margin{}</tr></thead>\n<tbody>\n",
            self.scored.len(),
            escaped(&label.positive.name),
            escaped(&label.negative.name),
            escaped(self.model.version()),
            self.model.digest(),
            if self.ids.is_empty() {
                ""
            } else {
                "<th scope=col>Id"
            },
        );
        for (row_idx, scored) in self.scored.iter().enumerate() {
            let class = escaped(self.model.class(scored.verdict).unwrap_or_default());
            let verdict = verdict_name(scored.verdict);
            let _ = write!(
                out,
                "<tr class={verdict}><td>{}<td>{verdict}<td>{class}<td>{}<td>{}",
                row_idx + 1,
                number(scored.score.0),
                number(scored.margin.0),
            );
            if let Some(id) = self.ids.get(row_idx) {
                let _ = write!(out, "<td><code>{id}</code>");
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n</html>\n");
        out
    }
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Positive => "positive",
        Verdict::Negative => "negative",
        Verdict::Uncertain => "uncertain",
    }
}

/// A number with as many digits as it takes to read the same bits back, as in JSON.
fn number(x: f64) -> String {
    serde_json::to_string(&x).unwrap_or_default()
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// Text for HTML, inside elements and quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The style of the pages that are made here. Its digest stands in their policy: see `security.rs`.
pub(crate) const STYLE: &str = "\n\
     :root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\n\
     body{max-width:60rem;margin:2rem auto;padding:0 1rem}\n\
     table{border-collapse:collapse}\n\
     th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8884;vertical-align:top}\n\
     pre{overflow:auto;padding:.6rem;background:#8882}\n\
     tr.positive td:nth-child(2){font-weight:bold}\n";

/// The start of a page that needs nothing else.
pub(crate) fn html_head(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n",
        escaped(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(escaped("<b a='\"&'>"), "&lt;b a=&#39;&quot;&amp;&#39;&gt;");
        assert_eq!(csv_field("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
    }
}
