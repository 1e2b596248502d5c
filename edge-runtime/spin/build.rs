//! Writes the list of files that the component carries: the model and the page.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Names the model's file.
const MODEL: &str = "PICKET_BUNDLED_MODEL";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed={MODEL}");
    println!("cargo::rerun-if-changed=build.rs");
    let for_wasm = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32");
    if !for_wasm {
        // The crate is empty on other targets.
        return Ok(());
    }
    let mut list = String::from("/// The model that the component carries.\n");
    if let Some(path) = env::var_os(MODEL).map(PathBuf::from) {
        println!("cargo::rerun-if-changed={}", path.display());
        let path = fs::canonicalize(&path).map_err(|error| {
            let message = format!("{MODEL} is {}: {error}", path.display());
            io::Error::new(error.kind(), message)
        })?;
        let digest: [u8; 32] = Sha256::digest(fs::read(&path)?).into();
        let path = text(&path)?;
        let line = format!(
            "pub(crate) const MODEL: Option<&[u8]> = Some(include_bytes!({path:?}));\n\
             /// Its digest.\n\
             pub(crate) const MODEL_SHA256: [u8; 32] = {digest:?};\n"
        );
        push(&mut list, &line);
    } else {
        println!(
            "cargo::warning={MODEL} is not set: the component will answer that it has no model"
        );
        list.push_str(
            "pub(crate) const MODEL: Option<&[u8]> = None;\npub(crate) const MODEL_SHA256: [u8; 32] = [0; 32];\n",
        );
    }
    list.push_str("/// The page's files by their path below the root.\n");
    list.push_str("pub(crate) const PAGE: &[(&str, &[u8])] = &[\n");
    let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www");
    println!("cargo::rerun-if-changed={}", www.display());
    if www.is_dir() {
        let www = fs::canonicalize(www)?;
        for (name, path) in files(&www)? {
            push(
                &mut list,
                &format!("    ({name:?}, include_bytes!({:?})),\n", text(&path)?),
            );
        }
    }
    list.push_str("];\n");
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("bundle.rs"), list)
}

/// The path as it can stand in source text.
fn text(path: &Path) -> io::Result<&str> {
    let error = || io::Error::other(format!("the path {} is not UTF-8", path.display()));
    path.to_str().ok_or_else(error)
}

fn push(list: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = list.write_str(line);
}

/// Every file below a folder in the order of the names, hidden ones and models apart.
fn files(www: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(www.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if name.starts_with('.') || name.ends_with(".picket") {
                continue;
            }
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                folders.push((path, format!("{name}/")));
            } else {
                found.push((name, path));
            }
        }
    }
    found.sort();
    Ok(found)
}
