//! Engines measured in turns: every round asks each of them once, so that what disturbs the machine
//! disturbs them alike.

use super::choice::Choice;
use super::driver::Driver;
use super::entrants::Entrant;
use super::record::Record;
use std::collections::BTreeMap;
use std::path::Path;

/// How long a measured block takes at least, and one to warm up.
const BLOCK_MS: u32 = 40;
const WARM_UP_MS: u32 = 300;

/// An engine that takes part.
pub(crate) struct Contestant {
    pub(crate) host: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) driver: Driver,
    /// By mode, one number a round: nanoseconds per item.
    pub(crate) rounds: BTreeMap<String, Vec<f64>>,
}

/// The engines of one shape, and those that are not measured, with the reason.
pub(crate) struct Contest {
    pub(crate) shape: String,
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) absent: Vec<String>,
}

impl Contest {
    /// Starts the chosen engines that have any of the modes.
    pub(crate) fn start(
        shape: &str,
        entrants: Vec<Entrant>,
        modes: &[&str],
        choice: &Choice,
        folder: &Path,
    ) -> Self {
        let mut this = Self {
            shape: shape.to_owned(),
            contestants: Vec::new(),
            absent: Vec::new(),
        };
        for Entrant {
            host,
            engine,
            command,
        } in entrants
        {
            if !choice.takes_engine(host, engine) {
                continue;
            }
            let log = folder.join(format!("{shape}-{host}-{engine}.log"));
            let started = command.and_then(|mut command| {
                Driver::start(&mut command, &log).map_err(|error| format!("{error:#}"))
            });
            match started {
                Ok(mut driver) => {
                    driver
                        .modes
                        .retain(|mode| modes.contains(&mode.as_str()) && choice.takes_mode(mode));
                    if !driver.modes.is_empty() {
                        this.contestants.push(Contestant {
                            host,
                            engine,
                            driver,
                            rounds: BTreeMap::new(),
                        });
                    }
                }
                Err(reason) => this.absent(host, engine, &reason),
            }
        }
        this
    }

    /// Runs the rounds, the first of them to warm up. Who fails on the way is out.
    pub(crate) fn run(&mut self, n_rounds: usize) {
        for round in 0..=n_rounds {
            let block = if round == 0 { WARM_UP_MS } else { BLOCK_MS };
            let mut failed = Vec::new();
            for contestant in &mut self.contestants {
                for mode in contestant.driver.modes.clone() {
                    match contestant.driver.time(&mode, block) {
                        Ok(_) if round == 0 => {}
                        Ok(ns) => contestant.rounds.entry(mode).or_default().push(ns),
                        Err(error) => {
                            failed.push((contestant.host, contestant.engine, format!("{error:#}")));
                            break;
                        }
                    }
                }
            }
            for (host, engine, reason) in failed {
                self.drop_out(host, engine, &reason);
            }
        }
    }

    /// The rounds of an engine in a mode.
    pub(crate) fn rounds(&self, host: &str, engine: &str, mode: &str) -> Option<&[f64]> {
        let found = self
            .contestants
            .iter()
            .find(|it| it.host == host && it.engine == engine)?;
        found.rounds.get(mode).map(Vec::as_slice)
    }

    /// What every engine took, in the modes' order.
    pub(crate) fn records(&self, bench: &'static str, modes: &[&str], seed: u64) -> Vec<Record> {
        let mut records = Vec::new();
        for mode in modes {
            for contestant in &self.contestants {
                if let Some(rounds) = contestant.rounds.get(*mode) {
                    records.push(Record {
                        bench,
                        shape: self.shape.clone(),
                        mode: (*mode).to_owned(),
                        host: contestant.host.to_owned(),
                        engine: contestant.engine.to_owned(),
                        value: median(rounds),
                        unit: if bench == "loading" {
                            "ns/load"
                        } else {
                            "ns/row"
                        },
                        version: Some(contestant.driver.version.clone()),
                        spread: Some(spread(rounds)),
                        seed,
                        allowed: None,
                    });
                }
            }
        }
        records
    }

    /// Takes an engine out and remembers why.
    pub(crate) fn drop_out(&mut self, host: &str, engine: &str, reason: &str) {
        self.contestants
            .retain(|it| (it.host, it.engine) != (host, engine));
        self.absent(host, engine, reason);
    }

    fn absent(&mut self, host: &str, engine: &str, reason: &str) {
        let shape = &self.shape;
        self.absent
            .push(format!("{shape} {host} {engine}: not measured: {reason}"));
    }
}

/// The number in the middle; of an even number, the mean of the two. NaN for none.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Lowest and highest.
pub(crate) fn spread(numbers: &[f64]) -> (f64, f64) {
    numbers
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
            (low.min(x), high.max(x))
        })
}

/// Round by round, ours over theirs.
pub(crate) fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_pairs_what_was_measured_in_the_same_round() {
        // The machine was half as fast in the second round: the ratio does not see it.
        let ratios = ratios(&[1.0, 2.0, 1.0], &[4.0, 8.0, 2.0]);
        assert_eq!(ratios, [0.25, 0.25, 0.5]);
        assert_eq!(median(&ratios), 0.25);
        assert_eq!(spread(&ratios), (0.25, 0.5));
    }
}
