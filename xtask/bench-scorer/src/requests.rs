//! The requests that a bench's driver answers, one a line:
//!
//! - `time MODE MILLISECONDS`: passes until the time is over; answers `{"ns": …}`, per item
//! - `check MODE PATH`: one pass; writes what it gave as little-endian f64 and answers `{"n": …}`

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wasmtime::error::Context as _;
use wasmtime::{Result, bail};

/// A host with the scorer in it.
pub(crate) trait Engine {
    /// What it is, with its version.
    fn version(&self) -> String;

    /// The modes that it has.
    fn modes(&self) -> Vec<&'static str>;

    /// One pass; gives the number of items.
    fn run(&mut self, mode: &str) -> Result<usize>;

    /// What the last pass gave.
    fn output(&mut self, mode: &str) -> Result<Vec<f64>>;
}

/// Says what the engine is, then answers until the input ends.
pub(crate) fn answer(engine: &mut dyn Engine) -> Result<()> {
    let (version, modes) = (engine.version(), engine.modes());
    print(&json!({ "version": version, "modes": modes, "gives": "margin+score" }))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let reply = match words[..] {
            ["time", mode, milliseconds] => time(engine, mode, milliseconds.parse()?)?,
            ["check", mode, path] => check(engine, mode, path)?,
            _ => bail!("no such request: {line}"),
        };
        print(&reply)?;
    }
    Ok(())
}

fn time(engine: &mut dyn Engine, mode: &str, milliseconds: u64) -> Result<Value> {
    let limit = Duration::from_millis(milliseconds);
    let start = Instant::now();
    let mut n_items = 0;
    loop {
        n_items += engine.run(mode)?;
        let elapsed = start.elapsed();
        if elapsed >= limit {
            return Ok(json!({ "ns": elapsed.as_nanos() as f64 / n_items as f64 }));
        }
    }
}

fn check(engine: &mut dyn Engine, mode: &str, path: &str) -> Result<Value> {
    engine.run(mode)?;
    let output = engine.output(mode)?;
    let bytes: Vec<u8> = output
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    std::fs::write(path, bytes).with_context(|| format!("writing {path}"))?;
    Ok(json!({ "n": output.len() }))
}

fn print(value: &Value) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{value}")?;
    stdout.flush()?;
    Ok(())
}
