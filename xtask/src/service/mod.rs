//! `cargo xtask service`: sends the trainer's service what schemathesis makes of its OpenAPI description.

mod running;
mod schemathesis;

pub(crate) use running::RunningService;

use crate::args::Args;
use crate::repo::Repo;
use anyhow::Result;
use schemathesis::Schemathesis;

pub(crate) const USAGE: &str = "\
cargo xtask service [--seconds N]

Starts `trainer serve` with a champion, and for a while sends it requests that schemathesis (installed with pip into the
target folder) makes of its OpenAPI description. It fails on an answer 5xx, on a status that is not in the description, and
on a body that is not as described.

  --seconds N   how long, 60 unless told";

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let seconds = args.value("--seconds")?.unwrap_or(60);
    args.finish()?;
    let tool = Schemathesis::ensure(repo)?;
    let trainer = running::build_trainer(repo)?;
    let service = RunningService::start(repo, &trainer, "openapi", 600, &[])?;
    service.train_and_promote()?;
    tool.run(repo, service.url(), seconds)
}
