//! The browser module.

use anyhow::{Context, Result};
use std::path::Path;
use wasm_bindgen_cli_support::Bindgen;

/// Writes `<name>.js` and `<name>_bg.wasm`: an ES module that a page imports without a bundler.
pub(crate) fn link(core: &[u8], out_dir: &Path, name: &str) -> Result<()> {
    let module = core.to_vec();
    Bindgen::new()
        .input_bytes(name, module)
        .web(true)
        .context("asking for a web module")?
        .out_name(name)
        // The page is plain JavaScript: nobody reads type declarations.
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out_dir)
        .with_context(|| format!("writing the JavaScript glue into {}", out_dir.display()))
}
