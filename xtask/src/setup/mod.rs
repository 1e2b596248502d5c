//! `cargo xtask setup`: finds or installs what the other commands need. Each part says what it
//! found, or exactly what is missing and how to get it.

mod apt;
mod browser;
mod compiler;
mod wasm_toolchain;

pub(crate) use browser::Browser;
pub(crate) use compiler::{ensure_cc, ensure_cxx};
pub(crate) use wasm_toolchain::WasmToolchain;

use crate::args::Args;
use crate::repo::Repo;
use anyhow::Result;

pub(crate) const USAGE: &str = "\
cargo xtask setup

Finds or installs what builds and tests need:
  cc, c++        to link native programs and libFuzzer
  wasm target    the installed one; else `rustup target add`; else, on Debian, the packages
                 rustc-web and rust-web-src
  browser        Chromium and its driver, for the tests of the page
  curl           for the test of the demo

Debian packages are installed only as root. PICKET_WASM_TOOLCHAIN=installed|rustup|debian picks
one way to the wasm target instead of trying all three in turn.";

/// Everything that the tests need.
pub(crate) struct Setup {
    pub(crate) wasm: WasmToolchain,
    pub(crate) browser: Browser,
}

impl Setup {
    pub(crate) fn ensure(repo: &Repo) -> Result<Self> {
        ensure_cc()?;
        ensure_cxx()?;
        let wasm = WasmToolchain::ensure(repo)?;
        let browser = Browser::ensure()?;
        ensure_curl()?;
        Ok(Self { wasm, browser })
    }
}

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    args.finish()?;
    Setup::ensure(repo)?;
    println!("everything is there");
    Ok(())
}

fn ensure_curl() -> Result<()> {
    apt::ensure_program(
        "curl",
        &["curl"],
        "curl, which tries out what the demo says to try",
    )
}
