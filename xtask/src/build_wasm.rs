//! `cargo xtask build-wasm`: the WebAssembly outputs.

use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use crate::setup::{self, WasmToolchain};
use anyhow::{Context, Result, bail};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const USAGE: &str = "\
cargo xtask build-wasm [browser] [scorer] [spin] [--spin-model FILE]

Builds what is named, all three without a name:
  browser   www/pkg: the scorer, and the verifier of releases, as ES modules for the page
  scorer    target/wasm/picket-scorer.wasm: the scorer as a component that imports nothing
  spin      target/wasm/picket-spin.wasm: the Spin component, and target/wasm/picket-plain.wasm: the
            same without Spin's interfaces, for hosts such as `wasmtime serve`

--spin-model FILE   the model inside these two; also PICKET_BUNDLED_MODEL, else the last
                    artifact in schema/testdata";

const PROFILE: &str = "wasm";
/// For the components of a server.
const SERVER_PROFILE: &str = "wasm-server";

/// For the linker of a component: calls and addresses in as few bytes as they take, instead of five each. The glue
/// generator of the browser writes its module anew, and does so by itself.
const COMPONENT_FLAGS: [&str; 2] = ["--", "-Clink-arg=--compress-relocations"];

/// The most bytes an output may have, as it stands and with brotli. The number with brotli is
/// checked where there is one; the other is chosen so that it seldom fails alone.
const BUDGETS: [(&str, u64, Option<u64>); 2] = [
    ("picket_bg.wasm", 234_000, Some(77_800)),
    ("picket-scorer.wasm", 195_400, Some(65_800)),
];

/// The most bytes that a component of the server may have beside the model and the page in it.
const CARRIER_BUDGETS: [(&str, u64); 2] = [
    ("picket-spin.wasm", 1_720_000),
    ("picket-plain.wasm", 1_170_000),
];

/// What the component without Spin may import: HTTP as it comes in, and nothing else.
const PLAIN_IMPORTS: [&str; 2] = [
    "wasi:http/types@",
    "wasi:clocks/types@", // a type that wasi:http's timeouts are written in
];

/// What the Spin component may import: HTTP both ways, Spin's own interfaces, and of WASI the time and random bits for
/// records and the environment that says whether Spin is there. No files, no sockets.
const SPIN_IMPORTS: [&str; 8] = [
    "wasi:http/",
    "wasi:clocks/types@", // a type that wasi:http's timeouts are written in
    "wasi:clocks/system-clock@",
    "wasi:random/random@",
    "wasi:cli/environment@",
    "spin:",
    "fermyon:spin/",
    "fermyon:spin-",
];

/// The variable through which the Spin component's source finds the model to include.
const BUNDLED_MODEL: &str = "PICKET_BUNDLED_MODEL";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Browser,
    Scorer,
    Spin,
}

impl Output {
    pub(crate) const ALL: [Self; 3] = [Self::Browser, Self::Scorer, Self::Spin];

    fn from_name(name: &str) -> Result<Self> {
        match name {
            "browser" => Ok(Self::Browser),
            "scorer" => Ok(Self::Scorer),
            "spin" => Ok(Self::Spin),
            other => bail!("there is no output `{other}`\n\n{USAGE}"),
        }
    }
}

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let spin_model = args.value::<PathBuf>("--spin-model")?;
    let names = args.rest()?;
    let outputs = if names.is_empty() {
        Output::ALL.to_vec()
    } else {
        names
            .iter()
            .map(|name| Output::from_name(name))
            .collect::<Result<_>>()?
    };
    setup::ensure_cc()?;
    let toolchain = WasmToolchain::ensure(repo)?;
    build(repo, &toolchain, &outputs, spin_model.as_deref())
}

/// Builds the outputs, prints their sizes and refuses what is over its budget.
pub(crate) fn build(
    repo: &Repo,
    toolchain: &WasmToolchain,
    outputs: &[Output],
    spin_model: Option<&Path>,
) -> Result<()> {
    let linker = Linker::build(repo)?;
    std::fs::create_dir_all(repo.target.join("wasm"))?;
    let mut files = Vec::new();
    let mut over = Vec::new();
    for output in outputs {
        files.extend(match output {
            Output::Browser => browser(repo, toolchain, &linker)?,
            Output::Scorer => scorer(repo, toolchain, &linker)?,
            Output::Spin => {
                let model = bundled_model(repo, spin_model)?;
                let carried = carried_bytes(repo, model.as_deref())?;
                let files = carriers(repo, toolchain, &linker, model.as_deref())?;
                for file in &files {
                    over.extend(over_carrier_budget(file, carried)?);
                }
                files
            }
        });
    }
    for file in &files {
        let size = Size::of(file)?;
        println!("{}: {size}", repo.shown(file));
        over.extend(size.over_budget(file));
    }
    if !over.is_empty() {
        bail!("larger than promised: {}", over.join("; "));
    }
    Ok(())
}

fn browser(repo: &Repo, toolchain: &WasmToolchain, linker: &Linker) -> Result<Vec<PathBuf>> {
    let mut cargo = scorer_build(repo, toolchain, "browser");
    // The glue generator reads the module's target features, which stripping would take away;
    // it strips the module itself.
    cargo.env("CARGO_PROFILE_WASM_STRIP", "none");
    command::run(&mut cargo)?;
    let out_dir = repo.www().join("pkg");
    let core = toolchain.core_module(PROFILE, "picket_wasm_model");
    linker.run(repo, &["browser".as_ref(), &core, &out_dir], &["picket"])?;

    let mut cargo = toolchain.cargo(repo, "build");
    cargo
        .args(["--package", "picket-verifier", "--profile", PROFILE])
        .args(["--features", "browser"])
        .env("CARGO_PROFILE_WASM_STRIP", "none");
    command::run(&mut cargo)?;
    let core = toolchain.core_module(PROFILE, "picket_verifier");
    let name = "picket_verifier";
    linker.run(repo, &["browser".as_ref(), &core, &out_dir], &[name])?;
    Ok(vec![
        out_dir.join("picket.js"),
        out_dir.join("picket_bg.wasm"),
        out_dir.join("picket_verifier.js"),
        out_dir.join("picket_verifier_bg.wasm"),
    ])
}

fn scorer(repo: &Repo, toolchain: &WasmToolchain, linker: &Linker) -> Result<Vec<PathBuf>> {
    command::run(scorer_build(repo, toolchain, "component").args(COMPONENT_FLAGS))?;
    let out = repo.scorer_component();
    let core = toolchain.core_module(PROFILE, "picket_wasm_model");
    linker.run(
        repo,
        &["component".as_ref(), &core, &out],
        &["--no-imports"],
    )?;
    Ok(vec![out])
}

/// The Spin component and the one without Spin. They differ in what they import, which is settled when they are built.
fn carriers(
    repo: &Repo,
    toolchain: &WasmToolchain,
    linker: &Linker,
    model: Option<&Path>,
) -> Result<Vec<PathBuf>> {
    match model {
        Some(model) => println!("model in the Spin component: {}", repo.shown(model)),
        None => println!(
            "model in the Spin component: none (no --spin-model, no {BUNDLED_MODEL}, no artifact \
             in schema/testdata)"
        ),
    }
    let kinds: [(PathBuf, &[&str], &[&str]); 2] = [
        (
            repo.plain_component(),
            &["--no-default-features"],
            &PLAIN_IMPORTS,
        ),
        (repo.spin_component(), &[], &SPIN_IMPORTS),
    ];
    let mut outputs = Vec::new();
    for (out, features, imports) in kinds {
        let mut cargo = toolchain.cargo(repo, "rustc");
        cargo
            .args(["--package", "picket-spin", "--lib"])
            .args(["--profile", SERVER_PROFILE])
            .args(features);
        if let Some(model) = model {
            cargo.env(BUNDLED_MODEL, model);
        }
        command::run(cargo.args(COMPONENT_FLAGS))?;
        let core = toolchain.core_module(SERVER_PROFILE, "picket_spin");
        let rules: Vec<&str> = imports
            .iter()
            .flat_map(|prefix| ["--allow-import", *prefix])
            .collect();
        linker.run(repo, &["component".as_ref(), &core, &out], &rules)?;
        outputs.push(out);
    }
    Ok(outputs)
}

/// The bytes of the model and of the page, which a component carries as they are.
fn carried_bytes(repo: &Repo, model: Option<&Path>) -> Result<u64> {
    let mut n_bytes = model.map_or(Ok(0), |it| std::fs::metadata(it).map(|it| it.len()))?;
    let mut folders = vec![repo.www()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // As the component's build script chooses.
            if name.starts_with('.') || name.ends_with(".picket") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                n_bytes += std::fs::metadata(&path)?.len();
            }
        }
    }
    Ok(n_bytes)
}

fn over_carrier_budget(file: &Path, carried: u64) -> Result<Option<String>> {
    let name = file.file_name().unwrap_or_default();
    let Some((name, most)) = CARRIER_BUDGETS.iter().find(|budget| name == budget.0) else {
        return Ok(None);
    };
    let found = std::fs::metadata(file)?.len().saturating_sub(carried);
    println!("{name}: {found} bytes beside model and page");
    Ok((found > *most).then(|| {
        format!("{name} has {found} bytes beside model and page; expected at most {most}")
    }))
}

fn scorer_build(repo: &Repo, toolchain: &WasmToolchain, binding: &str) -> Command {
    let mut cargo = toolchain.cargo(repo, "rustc");
    cargo
        .args(["--package", "picket-wasm-model", "--lib"])
        .args(["--profile", PROFILE])
        .args(["--no-default-features", "--features", binding]);
    cargo
}

/// The model to bundle, as an absolute path: the compiler resolves a relative one elsewhere.
fn bundled_model(repo: &Repo, named: Option<&Path>) -> Result<Option<PathBuf>> {
    let from_env = std::env::var_os(BUNDLED_MODEL).map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(from_env) {
        let path = std::fs::canonicalize(&path)
            .with_context(|| format!("there is no model at {}", path.display()))?;
        return Ok(Some(path));
    }
    last_artifact(&repo.root.join("schema/testdata"))
}

fn last_artifact(folder: &Path) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut last = None;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let candidate = if path.is_dir() {
            last_artifact(&path)?
        } else {
            Some(path).filter(|path| path.extension().is_some_and(|end| end == "picket"))
        };
        last = last.max(candidate);
    }
    Ok(last)
}

/// The program that turns core modules into what hosts load.
struct Linker(PathBuf);

impl Linker {
    fn build(repo: &Repo) -> Result<Self> {
        command::run(
            repo.cargo()
                .args(["build", "--package", "picket-wasm-link"]),
        )?;
        let name = format!("picket-wasm-link{}", std::env::consts::EXE_SUFFIX);
        Ok(Self(repo.target.join("debug").join(name)))
    }

    fn run(&self, repo: &Repo, paths: &[&Path], rules: &[&str]) -> Result<()> {
        command::run(repo.command(&self.0).args(paths).args(rules))
    }
}

/// The size of an output.
struct Size {
    raw: u64,
    /// With brotli at its best, where there is a brotli.
    brotli: Option<u64>,
}

impl Size {
    fn of(file: &Path) -> Result<Self> {
        let raw = std::fs::metadata(file)?.len();
        let mut brotli = None;
        if command::find("brotli").is_some() {
            let output = Command::new("brotli")
                .args(["--stdout", "--best"])
                .arg(file)
                .output()?;
            if !output.status.success() {
                bail!("brotli could not compress {}", file.display());
            }
            brotli = Some(output.stdout.len() as u64);
        }
        Ok(Self { raw, brotli })
    }

    /// What is over the file's budget, in words; files without one may have any size.
    fn over_budget(&self, file: &Path) -> Vec<String> {
        let name = file.file_name().unwrap_or_default();
        let Some((name, raw, brotli)) = BUDGETS.iter().find(|budget| name == budget.0) else {
            return Vec::new();
        };
        let with_brotli = self.brotli.zip(*brotli);
        [("", Some((self.raw, *raw))), (" with brotli", with_brotli)]
            .into_iter()
            .filter_map(|(how, sizes)| sizes.map(|(found, most)| (how, found, most)))
            .filter(|(_, found, most)| found > most)
            .map(|(how, found, most)| {
                format!("{name} has {found} bytes{how}; expected at most {most}")
            })
            .collect()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.raw)?;
        match self.brotli {
            Some(brotli) => write!(f, ", {brotli} with brotli"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_over_their_budget_are_named() {
        let over = |name: &str, raw, brotli| Size { raw, brotli }.over_budget(Path::new(name));
        for (name, raw, brotli) in BUDGETS {
            assert!(over(name, raw, brotli).is_empty());
            assert!(over(name, raw, None).is_empty());
            let found = over(
                &format!("folder/{name}"),
                raw + 1,
                brotli.map(|most| most + 1),
            );
            let expected = format!("{name} has {} bytes; expected at most {raw}", raw + 1);
            assert_eq!(found[0], expected);
            assert_eq!(found.len(), 1 + usize::from(brotli.is_some()));
            assert!(
                found
                    .iter()
                    .skip(1)
                    .all(|found| found.contains("with brotli"))
            );
        }
        assert!(over("pkg/picket.js", 1 << 30, Some(1 << 30)).is_empty());
    }
}
