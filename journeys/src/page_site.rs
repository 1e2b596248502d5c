//! The page on a server of its own, with a model beside it.

use std::path::{Path, PathBuf};

use crate::static_site::StaticSite;

/// The folder of the page.
#[must_use]
pub fn www() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../www")
}

/// Serves the page. The browser module must have been built.
///
/// # Panics
/// Where it has not been: the test cannot tell anything then.
#[must_use]
pub fn serve(artifact: Vec<u8>) -> StaticSite {
    let module = www().join("pkg/picket_bg.wasm");
    assert!(
        module.is_file(),
        "no www/pkg/picket_bg.wasm: run `cargo xtask build-wasm browser`"
    );
    let site = StaticSite::serve(&www());
    site.put("model.picket", artifact);
    site
}
