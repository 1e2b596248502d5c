//! `trainer compare`

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use crate::error::TrainerError;
use crate::runs::{Comparison, Difference, Measured, Side};

/// Digests are told apart by their beginning.
const N_CHARS: usize = 34;

/// Options of `trainer compare`.
#[derive(Debug, Args)]
pub struct CompareCommand {
    /// A run's directory or a model file.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Another one.
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

impl CompareCommand {
    /// Shows two runs or models side by side.
    pub(super) fn run(&self) -> Result<(), TrainerError> {
        let comparison = Comparison::of(Side::read(&self.a)?, Side::read(&self.b)?);
        if self.json {
            return super::print_json(&comparison);
        }
        super::print(&in_words(&comparison))
    }
}

fn in_words(comparison: &Comparison) -> String {
    let mut text = format!("  {:<22}  {:<34}  {}\n", "", comparison.a, comparison.b);
    // Writing to a string cannot fail.
    for differences in [&comparison.facts, &comparison.parameters] {
        for Difference { name, a, b } in differences {
            let mark = if a == b { ' ' } else { '*' };
            let _ = writeln!(
                text,
                "{mark} {name:<22}  {:<34}  {}",
                shown(a.as_ref()),
                shown(b.as_ref())
            );
        }
        text.push('\n');
    }
    for Difference { name, a, b } in &comparison.metrics {
        let change = match (a, b) {
            (Some(a), Some(b)) => format!("{:+.4}", b.value - a.value),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "  {name:<22}  {:<34}  {:<34}  {change}",
            figure(a.as_ref()),
            figure(b.as_ref())
        );
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "\n{note}");
    }
    text
}

fn shown(value: Option<&String>) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    if value.chars().count() <= N_CHARS {
        return value.clone();
    }
    value.chars().take(N_CHARS - 1).chain(['…']).collect()
}

fn figure(measured: Option<&Measured>) -> String {
    measured.map_or("–".to_owned(), |x| {
        format!("{:.4} ({:.4} to {:.4})", x.value, x.low, x.high)
    })
}
