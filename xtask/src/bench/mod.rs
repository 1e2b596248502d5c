//! `cargo xtask bench`: measurements, one file each. None is part of the tests: a machine's speed proves nothing.

mod http;
mod peers;
mod quality;

use crate::args::Args;
use crate::repo::Repo;
use anyhow::{Result, bail};

pub(crate) const USAGE: &str = "\
cargo xtask bench quality [--json F] [--only DATA:SPLIT] [--splits N] [--trees N] [--models LIST]
cargo xtask bench http [--json F] [--only ENGINES] [--rounds N] [--seconds S] [--connections N] [--seed N]
                       [--no-build]

  http      requests a second, latency and memory of the device host, the Spin component, a bare axum route
            and FastAPI; servers on one core, the load on another
  quality   F1, ROC-AUC and Brier beside scikit-learn, XGBoost and LightGBM, the same splits in one run;
            needs PICKET_DATA_DIR with phishing.csv and nsl-kdd.csv

Peers are installed into target/bench/venv by pip.";

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    match args.first() {
        None => println!("{USAGE}"),
        Some(name) if name == "http" => http::run(repo, args)?,
        Some(name) if name == "quality" => quality::run(repo, args)?,
        Some(name) => bail!("there is no bench `{name}`\n\n{USAGE}"),
    }
    Ok(())
}
