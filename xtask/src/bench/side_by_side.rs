//! Engines beside each other in one run: what `cargo xtask bench scoring` and `loading` have in common.

use super::choice::Choice;
use super::contest::Contest;
use super::lab::{self, Lab, SHAPES};
use super::{agreement, entrants, goals, record, report};
use crate::args::Args;
use crate::repo::Repo;
use anyhow::{Result, bail};
use std::path::PathBuf;

const ROUNDS: usize = 7;

/// Runs one of them: everything from the options to the table.
pub(crate) fn run(repo: &Repo, mut args: Args, bench: &'static str, modes: &[&str]) -> Result<()> {
    let json = args.value::<PathBuf>("--json")?;
    let seed = args.value::<u64>("--seed")?.unwrap_or(1);
    let n_rounds = args.value::<usize>("--rounds")?.unwrap_or(ROUNDS);
    let core = args.value::<usize>("--core")?.map_or_else(lab::core, Some);
    let choice = Choice::new(args.values("--only")?, modes);
    args.finish()?;
    if n_rounds == 0 {
        bail!("--rounds must be at least 1");
    }
    let lab = Lab::prepare(repo, seed)?;
    let mut records = Vec::new();
    let mut shown = report::head(&lab, n_rounds, core);
    let mut absent = Vec::new();
    for shape in SHAPES.into_iter().filter(|shape| choice.takes_shape(shape)) {
        println!("{bench} {shape}: starting engines");
        let entrants = entrants::of_shape(repo, &lab, shape, core);
        let mut contest = Contest::start(shape, entrants, modes, &choice, &lab.folder);
        if let Some(sentence) = agreement::check(&mut contest, &lab)? {
            println!("{sentence}");
        }
        contest.run(n_rounds);
        let mut times = contest.records(bench, modes, seed);
        goals::set_bounds(&mut times);
        shown += "\n\n";
        shown += &report::times(&contest, &times);
        records.extend(times);
        records.extend(goals::shares(&contest, bench, seed));
        absent.append(&mut contest.absent);
    }
    println!("\n{shown}\n{}", report::goals(&records));
    for line in absent {
        println!("{line}");
    }
    if let Some(path) = json {
        record::write(&records, &path)?;
    }
    Ok(())
}
