//! What was measured, over the rounds.

use super::engine::Engine;
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Engine, mode, unit, percentile.
type Key = (Engine, &'static str, &'static str, Option<&'static str>);

#[derive(Default)]
pub(super) struct Figures(BTreeMap<Key, Vec<f64>>);

impl Figures {
    pub(super) fn push(
        &mut self,
        engine: Engine,
        mode: &'static str,
        unit: &'static str,
        percentile: Option<&'static str>,
        value: f64,
    ) {
        let key = (engine, mode, unit, percentile);
        self.0.entry(key).or_default().push(value);
    }

    pub(super) fn median(
        &self,
        engine: Engine,
        mode: &'static str,
        unit: &'static str,
        percentile: Option<&'static str>,
    ) -> Option<f64> {
        median(self.0.get(&(engine, mode, unit, percentile))?)
    }

    /// The distance from the least to the greatest value, as a share of the median.
    pub(super) fn spread(&self, engine: Engine, mode: &'static str) -> Option<f64> {
        let values = self.0.get(&(engine, mode, "requests/s", None))?;
        let [least, greatest] = ends(values);
        Some((greatest - least) / median(values)?)
    }

    /// The median of two engines' ratio, round by round: what slows a whole round down does not count.
    pub(super) fn ratio(&self, one: Engine, other: Engine) -> Option<f64> {
        let values = |engine| self.0.get(&(engine, "saturation", "requests/s", None));
        let ratios: Vec<f64> = values(one)?
            .iter()
            .zip(values(other)?)
            .map(|(one, other)| one / other)
            .collect();
        median(&ratios)
    }

    /// Adds one object a line to a file.
    pub(super) fn append_json(&self, path: &Path) -> Result<()> {
        let mut out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("writing {}", path.display()))?;
        for ((engine, mode, unit, percentile), values) in &self.0 {
            let [least, greatest] = ends(values);
            let mut line = json!({
                "bench": "http", "shape": "forest", "mode": mode, "host": engine.host(),
                "engine": engine.name(), "value": median(values), "unit": unit,
                "min": least, "max": greatest, "rounds": values.len(),
            });
            if let Some(percentile) = percentile {
                line["percentile"] = json!(percentile.parse::<f64>()?);
            }
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[middle - 1], upper))
}

fn ends(values: &[f64]) -> [f64; 2] {
    values
        .iter()
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
            [low.min(*value), high.max(*value)]
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut figures = Figures::default();
        // The third round was slow for both.
        for (edge, bare) in [(60.0, 100.0), (66.0, 110.0), (6.0, 10.0)] {
            figures.push(Engine::PicketEdge, "saturation", "requests/s", None, edge);
            figures.push(Engine::AxumBare, "saturation", "requests/s", None, bare);
        }
        let ratio = figures.ratio(Engine::PicketEdge, Engine::AxumBare);
        assert!(
            ratio.is_some_and(|ratio| (ratio - 0.6).abs() < 1e-9),
            "{ratio:?}"
        );
        let median = figures.median(Engine::AxumBare, "saturation", "requests/s", None);
        assert_eq!(median, Some(100.0));
        let spread = figures.spread(Engine::AxumBare, "saturation");
        assert_eq!(spread, Some(1.0));
        assert_eq!(figures.ratio(Engine::PicketEdge, Engine::Fastapi), None);
    }
}
