//! `cargo xtask bench`: measurements, one file each. None is part of the tests: a machine's speed proves nothing.

mod import;
mod peers;
mod quality;
mod training;

use crate::args::Args;
use crate::repo::Repo;
use anyhow::{Result, bail};

pub(crate) const USAGE: &str = "\
cargo xtask bench quality [--json F] [--only DATA:SPLIT] [--splits N] [--trees N] [--models LIST]

  import    models of XGBoost, LightGBM and scikit-learn, imported, beside their libraries: margins on the same
            rows [--json F] [--only WORD] [--rows N] [--seed N]; needs PICKET_DATA_DIR as well
  quality   F1, ROC-AUC and Brier beside scikit-learn, XGBoost and LightGBM, the same splits in one run;
            needs PICKET_DATA_DIR with phishing.csv and nsl-kdd.csv

cargo xtask bench training [--json F] [--only MODES] [--shapes SHAPES] [--rounds N] [--threads N] [--core N] [--no-train]

  training  time and memory of fits, and grouped ROC-AUC, beside the same peers; modes phishing, nsl-kdd and
            million (1,000,000 rows made from phishing.csv), shapes forest and gbdt

Peers are installed into target/bench/venv by pip.";

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    match args.first() {
        None => println!("{USAGE}"),
        Some(name) if name == "import" => import::run(repo, args)?,
        Some(name) if name == "quality" => quality::run(repo, args)?,
        Some(name) if name == "training" => training::run(repo, args)?,
        Some(name) => bail!("there is no bench `{name}`\n\n{USAGE}"),
    }
    Ok(())
}
