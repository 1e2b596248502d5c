//! The scorer in this very process.

use picket_bench_scorer::{Mode, Runner};
use wasmtime::Result;
use wasmtime::error::Context as _;

use crate::requests::Engine;

/// The scorer, called directly.
pub(crate) struct Native(Runner);

impl Native {
    pub(crate) fn new(artifact: Vec<u8>, rows: Vec<f32>) -> Result<Self> {
        Runner::new(artifact, rows)
            .map(Self)
            .map_err(wasmtime::Error::msg)
    }
}

impl Engine for Native {
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn modes(&self) -> Vec<&'static str> {
        Mode::ALL.map(Mode::name).to_vec()
    }

    fn run(&mut self, mode: &str) -> Result<usize> {
        Ok(self.0.run(mode_of(mode)?))
    }

    fn output(&mut self, mode: &str) -> Result<Vec<f64>> {
        Ok(self.0.output(mode_of(mode)?).to_vec())
    }
}

/// The mode of a name.
pub(crate) fn mode_of(name: &str) -> Result<Mode> {
    Mode::ALL
        .into_iter()
        .find(|mode| mode.name() == name)
        .with_context(|| format!("there is no mode {name}"))
}
