//! Turns core modules of `wasm32-unknown-unknown` into what hosts load: a browser module with its
//! JavaScript glue, or a component.
//!
//! A crate of its own, so that `xtask` compiles in seconds and this one only when it is needed.

mod browser;
mod component;
mod strip;

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
wasm-link browser <core.wasm> <out_dir> <name>
    JavaScript glue (<name>.js) and module (<name>_bg.wasm) for the web
wasm-link component <core.wasm> <out.wasm> [--no-imports | --allow-import PREFIX ...]
    A validated component; prints what it imports
        --no-imports            any import is an error
        --allow-import PREFIX   an import that starts with none of the prefixes is an error";

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm-link: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["browser", core, out_dir, name] => browser::link(&read(core)?, Path::new(out_dir), name),
        ["component", core, out, rules @ ..] => {
            let rules = component::ImportRules::parse(rules)?;
            let (bytes, imports) = component::link(&read(core)?)?;
            for import in &imports {
                println!("imports {import}");
            }
            if imports.is_empty() {
                println!("imports nothing");
            }
            rules.check(&imports)?;
            std::fs::write(out, bytes).with_context(|| format!("writing {out}"))
        }
        _ => bail!("usage:\n{USAGE}"),
    }
}

fn read(path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {path}"))
}
