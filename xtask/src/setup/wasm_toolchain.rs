//! A Rust compiler for `wasm32-unknown-unknown`, by the first of three ways that works.

use super::apt;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TARGET: &str = "wasm32-unknown-unknown";

/// Long enough for 30 MB on a slow line, short enough where no server answers.
const RUSTUP_LIMIT: Duration = Duration::from_secs(90);

/// The oldest compiler the workspace builds with: `rust-version` in its Cargo.toml.
const MIN_MINOR: u32 = 95;

const HOW_TO_GET_IT: &str = "install the target with `rustup target add wasm32-unknown-unknown`, \
    or on Debian `sudo apt-get install rustc-web rust-web-src`, or by your system's package of \
    Rust's standard library for wasm32";

/// How to call cargo for the WebAssembly target.
#[derive(Debug)]
pub(crate) struct WasmToolchain {
    /// Variables for every cargo command that builds for the target.
    env: Vec<(&'static str, OsString)>,
    /// Arguments for them.
    args: Vec<&'static str>,
    /// A target folder of its own, so that another compiler does not make native builds stale.
    target_dir: PathBuf,
    /// Folders whose names must not end up in what is built, and what stands for them there.
    remap: Vec<(PathBuf, &'static str)>,
}

impl WasmToolchain {
    pub(crate) fn ensure(repo: &Repo) -> Result<Self> {
        let toolchain = match std::env::var("PICKET_WASM_TOOLCHAIN").ok().as_deref() {
            Some("installed") => Self::installed(repo)?.context("the target is not installed"),
            Some("rustup") => Self::by_rustup(repo)?.context("rustup could not add the target"),
            Some("debian") => Self::from_debian(repo),
            Some(other) => {
                bail!("PICKET_WASM_TOOLCHAIN is `{other}`; it may be installed, rustup or debian")
            }
            None => Self::by_any_way(repo),
        };
        toolchain.with_context(|| format!("no Rust compiler for {TARGET}: {HOW_TO_GET_IT}"))
    }

    fn by_any_way(repo: &Repo) -> Result<Self> {
        if let Some(toolchain) = Self::installed(repo)? {
            return Ok(toolchain);
        }
        if let Some(toolchain) = Self::by_rustup(repo)? {
            return Ok(toolchain);
        }
        Self::from_debian(repo)
    }

    /// A cargo command for the target; the caller adds packages, features and profile.
    pub(crate) fn cargo(&self, repo: &Repo, verb: &str) -> Command {
        let mut cargo = repo.cargo();
        cargo
            .args([verb, "--target", TARGET])
            .args(&self.args)
            .arg("--target-dir")
            .arg(&self.target_dir)
            .envs(self.env.iter().map(|(name, value)| (*name, value)))
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags());
        cargo
    }

    /// Where a core module is after a build with the given profile.
    pub(crate) fn core_module(&self, profile: &str, cdylib: &str) -> PathBuf {
        self.target_dir
            .join(TARGET)
            .join(profile)
            .join(format!("{cdylib}.wasm"))
    }

    /// Whether the compiler is the one that clippy was made for.
    pub(crate) fn is_native(&self) -> bool {
        self.env.is_empty()
    }

    fn rustflags(&self) -> OsString {
        // Batches go many rows at a time; every browser since 2023 and every component host has it.
        let mut flags = OsString::from("-Ctarget-feature=+simd128");
        for (folder, name) in &self.remap {
            // Panic messages hold source paths: the same source gives the same bytes everywhere.
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(folder);
            flags.push("=");
            flags.push(name);
        }
        flags
    }

    fn installed(repo: &Repo) -> Result<Option<Self>> {
        let rustc = Path::new("rustc");
        if !has_std(rustc)? {
            return Ok(None);
        }
        println!("wasm target: installed ({})", version(rustc)?);
        Ok(Some(Self {
            env: Vec::new(),
            args: Vec::new(),
            target_dir: repo.target.clone(),
            remap: remap(repo, &sysroot(rustc)?)?,
        }))
    }

    fn by_rustup(repo: &Repo) -> Result<Option<Self>> {
        if command::find("rustup").is_none() {
            println!("wasm target: not installed, and there is no rustup to add it");
            return Ok(None);
        }
        println!("wasm target: not installed; asking rustup for it");
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", TARGET]);
        if !command::succeeds_within(&mut rustup, RUSTUP_LIMIT)? {
            println!("wasm target: rustup did not get it");
            return Ok(None);
        }
        Self::installed(repo)
    }

    /// Debian's compiler for its browsers, with its sources, from which the standard library is
    /// built; rustup's linker, for Debian's LLD of the same release is older than the compiler.
    fn from_debian(repo: &Repo) -> Result<Self> {
        let rustc = PathBuf::from("/usr/bin/rustc");
        if !is_recent(&rustc) || !library_source(&rustc).is_some_and(|path| path.is_dir()) {
            apt::install(&["rustc-web", "rust-web-src"])?;
            if !is_recent(&rustc) {
                // The first release of a Debian version carried an older one; updates a newer.
                apt::update_lists()?;
                apt::install(&["rustc-web", "rust-web-src"])?;
            }
        }
        if !is_recent(&rustc) {
            bail!(
                "Debian's {} is older than Rust 1.{MIN_MINOR}",
                version(&rustc)?
            );
        }
        let linker = rust_lld()?;
        println!(
            "wasm target: Debian's {}, standard library from its sources",
            version(&rustc)?
        );
        Ok(Self {
            remap: remap(repo, &sysroot(&rustc)?)?,
            env: vec![
                ("RUSTC", rustc.into()),
                // Building the standard library is not a stable feature of cargo.
                ("RUSTC_BOOTSTRAP", "1".into()),
                ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.into()),
            ],
            args: vec!["-Zbuild-std=std,panic_abort"],
            target_dir: repo.target.join("debian-wasm"),
        })
    }
}

fn has_std(rustc: &Path) -> Result<bool> {
    let libdir = command::capture(Command::new(rustc).args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]))?;
    let Ok(entries) = std::fs::read_dir(libdir.trim()) else {
        return Ok(false);
    };
    Ok(entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    let line = command::capture(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(line.trim()))
}

fn version(rustc: &Path) -> Result<String> {
    let line = command::capture(Command::new(rustc).arg("--version"))?;
    Ok(line.trim().to_owned())
}

fn is_recent(rustc: &Path) -> bool {
    version(rustc)
        .ok()
        .and_then(|line| minor_version(&line))
        .is_some_and(|minor| minor >= MIN_MINOR)
}

/// 95 of `rustc 1.95.0 (…)`.
fn minor_version(line: &str) -> Option<u32> {
    line.split_whitespace()
        .nth(1)?
        .strip_prefix("1.")?
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// Where the sources of the standard library are, which `-Zbuild-std` compiles.
fn library_source(rustc: &Path) -> Option<PathBuf> {
    Some(sysroot(rustc).ok()?.join("lib/rustlib/src/rust/library"))
}

fn rust_lld() -> Result<PathBuf> {
    let rustc = Path::new("rustc");
    let verbose = command::capture(Command::new(rustc).arg("-vV"))?;
    let host = verbose
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    let linker = sysroot(rustc)?
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld");
    if !linker.is_file() {
        bail!(
            "there is no linker at {}; rustup's toolchains have one",
            linker.display()
        );
    }
    Ok(linker)
}

fn remap(repo: &Repo, sysroot: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("there is no home folder and no CARGO_HOME")?;
    Ok(vec![
        (cargo_home, "cargo"),
        (sysroot.to_owned(), "rust"),
        (repo.root.clone(), "picket"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_version_is_read() {
        assert_eq!(
            minor_version("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some(95)
        );
        assert_eq!(minor_version("rustc 1.96.0-nightly (abc)"), Some(96));
        assert_eq!(minor_version("something else"), None);
    }
}
