//! `cargo xtask bench`: measurements, one file each. None is part of the tests: a machine's speed proves nothing.

mod agreement;
mod choice;
mod contest;
mod driver;
mod entrants;
mod goals;
mod http;
mod import;
mod lab;
mod learners;
mod loading;
mod peers;
mod quality;
mod record;
mod recording;
mod report;
mod scoring;
mod search;
mod service;
mod side_by_side;
mod size;
mod table;
mod trainer_bench;
mod training;

use crate::args::Args;
use crate::repo::Repo;
use anyhow::{Result, bail};

pub(crate) const USAGE: &str = "\
cargo xtask bench quality [--json F] [--only DATA] [--splits N] [--draws N] [--folds N] [--pipeline F] [--seed N]
cargo xtask bench learners [--json F] [--only DATA:SPLIT] [--splits N] [--trees N] [--models LIST]
cargo xtask bench search [--json F] [--rounds N] [--seed N]
cargo xtask bench scoring|loading [--json F] [--seed N] [--rounds N] [--only LIST] [--core N]
cargo xtask bench size [--json F] [--seed N]

cargo xtask bench http [--json F] [--only ENGINES] [--rounds N] [--seconds S] [--connections N] [--seed N]
                       [--no-build]

cargo xtask bench recording [--json F] [--rounds N] [--seconds S] [--connections N] [--spool DIR] [--no-build]
cargo xtask bench service [--seconds S] [--dev]

  import    models of XGBoost, LightGBM and scikit-learn, imported, beside their libraries: margins on the same
            rows [--json F] [--only WORD] [--rows N] [--seed N]; needs PICKET_DATA_DIR as well
  http      requests a second, latency and memory of the device host, the Spin component, a bare axum route
            and FastAPI; servers on one core, the load on another
  recording requests a second and latency of the device host that records every prediction, durable before its answer,
            beside one that records none
  service   p50 and p99 of every route of the trainer's service while two trainings run; --dev takes the development
            build
  quality   F1, ROC-AUC and Brier of the whole pipeline beside tuned scikit-learn, XGBoost and LightGBM, the same
            splits in one run; needs PICKET_DATA_DIR with phishing.csv and nsl-kdd.csv
  learners  the same of each learner with its defaults beside its peers' defaults
  search    the grid of the usual Python projects, beside scikit-learn's GridSearchCV, one thread
  scoring   ns per row and per explanation beside tl2cgen, XGBoost, LightGBM, onnxruntime, YDF, scikit-learn,
            onnxruntime-web and YDF's WebAssembly: 200 boosted trees of depth 6 (gbdt) and 100 trees of full
            depth (forest), trained by a peer and imported; natively, in wasmtime, node and Chromium
  loading   from bytes to a ready scorer, and from nothing to the first score
  size      models and WebAssembly modules, as they are and compressed
            --only takes shapes, modes, hosts and engines: --only gbdt,single,wasmtime,picket

cargo xtask bench training [--json F] [--only MODES] [--shapes SHAPES] [--rounds N] [--threads N] [--core N] [--no-train]

  training  time and memory of fits, and grouped ROC-AUC, beside the same peers; modes phishing, nsl-kdd and
            million (1,000,000 rows made from phishing.csv), shapes forest and gbdt

Peers are installed into target/bench/venv by pip and into target/bench/node by npm.
The data is PICKET_DATA_DIR's phishing.csv, else the synthetic sample.";

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    match args.first() {
        None => println!("{USAGE}"),
        Some(name) if name == "import" => import::BENCH.run(repo, args)?,
        Some(name) if name == "service" => service::run(repo, args)?,
        Some(name) if name == "http" => http::run(repo, args)?,
        Some(name) if name == "recording" => recording::run(repo, args)?,
        Some(name) if name == "quality" => quality::BENCH.run(repo, args)?,
        Some(name) if name == "learners" => learners::BENCH.run(repo, args)?,
        Some(name) if name == "search" => search::BENCH.run(repo, args)?,
        Some(name) if name == "training" => training::BENCH.run(repo, args)?,
        Some(name) if name == "scoring" => scoring::run(repo, args)?,
        Some(name) if name == "loading" => loading::run(repo, args)?,
        Some(name) if name == "size" => size::run(repo, args)?,
        Some(name) => bail!("there is no bench `{name}`\n\n{USAGE}"),
    }
    Ok(())
}
