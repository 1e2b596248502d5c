//! `cargo xtask test`: everything CI runs, in order, and a table of how it went.

mod demo_check;
mod plan;
mod stages;

use crate::args::Args;
use crate::repo::Repo;
use crate::stage::shown;
use anyhow::{Result, bail};
use plan::Plan;
use stages::Context;
use std::time::{Duration, Instant};

pub(crate) const USAGE: &str = "\
cargo xtask test [--only STAGE]... [--skip STAGE]... [--fail-fast] [--fuzz-seconds N]

Everything CI runs. A stage that fails does not stop those that do not need it.

  fmt         formatting
  tidy        the project's own checks
  setup       what is missing is installed
  build-wasm  browser module, scorer component, Spin component
  clippy      lints, warnings are errors
  unit        every test of the workspace, the journeys included
  docs        the documentation builds without warnings
  fuzz        every fuzz target for a while
  crash       the device is killed 25 times under load and loses nothing
  service     the trainer's service is sent what its API description allows, for a minute
  demo        `cargo xtask demo` starts, answers, stops

  --only STAGE        only these (and nothing that they need: it must be there)
  --skip STAGE        all but these
  --fail-fast         stop at the first failure
  --fuzz-seconds N    how long each fuzz target runs: unless told 60 for release, spool and http, 11 for others

Stages may be given as a comma-separated list.";

/// How a stage ended.
enum Outcome {
    Passed,
    Failed(String),
    /// A stage that it needs failed, or an earlier failure stopped everything.
    NotRun(String),
}

struct Entry {
    name: &'static str,
    outcome: Outcome,
    time: Duration,
}

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let plan = Plan::new(&args.values("--only")?, &args.values("--skip")?)?;
    let fail_fast = args.flag("--fail-fast");
    let fuzz_seconds = args.value("--fuzz-seconds")?;
    args.finish()?;

    let mut context = Context::new(repo, fuzz_seconds);
    let mut entries: Vec<Entry> = Vec::new();
    for (idx, stage) in plan.stages().iter().enumerate() {
        println!(
            "\n=== [{}/{}] {}: {}",
            idx + 1,
            plan.stages().len(),
            stage.name,
            stage.what
        );
        let start = Instant::now();
        let outcome = match obstacle(stage, &entries, fail_fast) {
            Some(reason) => Outcome::NotRun(reason),
            None => match (stage.run)(&mut context) {
                Ok(()) => Outcome::Passed,
                Err(error) => Outcome::Failed(format!("{error:#}")),
            },
        };
        let time = start.elapsed();
        match &outcome {
            Outcome::Passed => println!("=== {} passed in {}", stage.name, shown(time)),
            Outcome::Failed(error) => println!("=== {} FAILED: {error}", stage.name),
            Outcome::NotRun(reason) => println!("=== {} not run: {reason}", stage.name),
        }
        entries.push(Entry {
            name: stage.name,
            outcome,
            time,
        });
    }
    report(&entries)
}

/// Why a stage cannot run after those before it.
fn obstacle(stage: &plan::Stage, before: &[Entry], fail_fast: bool) -> Option<String> {
    before
        .iter()
        .filter(|entry| !matches!(entry.outcome, Outcome::Passed))
        .find(|entry| fail_fast || stage.needs.contains(&entry.name))
        .map(|entry| format!("{} did not pass", entry.name))
}

fn report(entries: &[Entry]) -> Result<()> {
    println!();
    let (mut passed, mut failed, mut not_run) = (0, 0, 0);
    for Entry {
        name,
        outcome,
        time,
    } in entries
    {
        let verdict = match outcome {
            Outcome::Passed => {
                passed += 1;
                "passed".to_owned()
            }
            Outcome::Failed(error) => {
                failed += 1;
                format!("FAILED  {}", error.lines().next().unwrap_or_default())
            }
            Outcome::NotRun(reason) => {
                not_run += 1;
                format!("not run  {reason}")
            }
        };
        println!("{name:<12}{:>14}  {verdict}", shown(*time));
    }
    let total: Duration = entries.iter().map(|entry| entry.time).sum();
    println!("{:<12}{:>14}", "all", shown(total));
    println!("\nstages: {passed} passed, {failed} failed, {not_run} skipped");
    if failed > 0 {
        bail!("{failed} of {} stages failed", entries.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &'static str, outcome: Outcome) -> Entry {
        Entry {
            name,
            outcome,
            time: Duration::ZERO,
        }
    }

    #[test]
    fn a_failure_stops_only_what_needs_it() {
        let plan = Plan::new(&[], &[]).expect("the whole plan");
        let stage = |name: &str| {
            plan.stages()
                .iter()
                .find(|stage| stage.name == name)
                .expect("a stage")
        };
        let before = [
            entry("fmt", Outcome::Failed("ugly".to_owned())),
            entry("build-wasm", Outcome::Passed),
        ];
        assert!(obstacle(stage("unit"), &before, false).is_none());
        assert!(obstacle(stage("unit"), &before, true).is_some());
        let before = [entry("build-wasm", Outcome::NotRun("no target".to_owned()))];
        assert!(obstacle(stage("unit"), &before, false).is_some());
        assert!(obstacle(stage("docs"), &before, false).is_none());
    }

    #[test]
    fn any_failure_fails_the_whole() {
        assert!(report(&[entry("fmt", Outcome::Passed)]).is_ok());
        let failed = Outcome::Failed("ugly".to_owned());
        assert!(report(&[entry("fmt", Outcome::Passed), entry("tidy", failed)]).is_err());
    }
}
