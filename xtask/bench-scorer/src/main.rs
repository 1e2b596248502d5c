//! Times Picket's scorer on request: `HOST ARTIFACT ROWS [WASM]`, where HOST is `native`,
//! `wasmtime` (WASM is this crate's core module) or `component` (WASM is the scorer component).
//! Requests come as lines on standard input, answers go as lines of JSON to standard output.

mod component;
mod core_module;
mod native;
mod requests;
mod wasmtime_settings;

use requests::Engine;
use wasmtime::error::Context as _;
use wasmtime::{Result, bail};

const USAGE: &str =
    "native ARTIFACT ROWS | wasmtime ARTIFACT ROWS MODULE | component ARTIFACT ROWS COMPONENT";

fn main() -> anyhow::Result<()> {
    serve().map_err(|error| anyhow::anyhow!("{error:#}"))
}

fn serve() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut engine: Box<dyn Engine> = match words[..] {
        ["native", artifact, rows] => {
            Box::new(native::Native::new(read(artifact)?, floats(rows)?)?)
        }
        ["wasmtime", artifact, rows, module] => Box::new(core_module::CoreModule::new(
            &read(module)?,
            &read(artifact)?,
            &read(rows)?,
        )?),
        ["component", artifact, rows, component] => Box::new(component::ScorerComponent::new(
            &read(component)?,
            read(artifact)?,
            floats(rows)?,
        )?),
        _ => bail!("usage: {USAGE}"),
    };
    requests::answer(&mut *engine)
}

fn read(path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {path}"))
}

fn floats(path: &str) -> Result<Vec<f32>> {
    let bytes = read(path)?;
    let (chunks, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        bail!("{path}: {} bytes are no whole numbers", bytes.len());
    }
    Ok(chunks
        .iter()
        .map(|chunk| f32::from_le_bytes(*chunk))
        .collect())
}
