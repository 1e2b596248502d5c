//! `cargo xtask fuzz`: libFuzzer over every target in schema/fuzz, on the stable toolchain and
//! without cargo-fuzz.

mod seeds;

use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use crate::setup;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const USAGE: &str = "\
cargo xtask fuzz [TARGET]... [--seconds N]

Runs the fuzz targets in schema/fuzz/fuzz_targets, all of them or those named, each for N seconds
(60 unless told). An input that crashes a target is kept under target/fuzz/artifacts.
Linux on x86-64 or arm64 only.";

/// What `cargo fuzz build` passes: coverage counters for the fuzzer, and checks that turn a wrong
/// step into a crash.
const COVERAGE_FLAGS: [&str; 9] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
];

/// What reads manifests, spool frames and the bodies of requests.
const REACHED: [&str; 3] = ["release", "spool", "http"];

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let seconds: u32 = args.value("--seconds")?.unwrap_or(60);
    let named = args.rest()?;
    let all = targets(&fuzz_dir(repo))?;
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        bail!(
            "there is no fuzz target `{unknown}`; there are {}",
            all.join(", ")
        );
    }
    setup::ensure_cxx()?;
    let chosen = if named.is_empty() { &all } else { &named };
    fuzz(repo, chosen, &|_| seconds)
}

/// Every target, each for so many seconds; those that strangers reach for a minute unless told, others for less.
pub(crate) fn run_all(repo: &Repo, seconds: Option<u32>) -> Result<()> {
    let usual = |target: &str| if REACHED.contains(&target) { 60 } else { 11 };
    let targets = targets(&fuzz_dir(repo))?;
    if let Some(gone) = REACHED
        .iter()
        .find(|it| !targets.iter().any(|target| target == *it))
    {
        bail!("there is no fuzz target `{gone}` any more");
    }
    fuzz(repo, &targets, &|target| {
        seconds.unwrap_or_else(|| usual(target))
    })
}

fn fuzz(repo: &Repo, targets: &[String], seconds: &dyn Fn(&str) -> u32) -> Result<()> {
    let triple = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "x86_64-unknown-linux-gnu",
        ("linux", "aarch64") => "aarch64-unknown-linux-gnu",
        (os, arch) => {
            println!("NOT FUZZED: libFuzzer is used on Linux only, and this is {os} on {arch}");
            return Ok(());
        }
    };
    let build_dir = repo.target.join("fuzz");
    command::run(&mut build(repo, triple, &build_dir)?)?;
    // A finding in one target does not keep the others from running.
    let mut findings = Vec::new();
    for target in targets {
        let seconds = seconds(target);
        println!("\nfuzzing {target} for {seconds} s");
        let program = build_dir.join(triple).join("release").join(target);
        if let Err(error) = run_target(repo, target, &program, &build_dir, seconds) {
            println!("{error:#}");
            findings.push(format!("{error}"));
        }
    }
    if !findings.is_empty() {
        bail!("{}", findings.join("; "));
    }
    Ok(())
}

fn build(repo: &Repo, triple: &str, build_dir: &Path) -> Result<Command> {
    let mut flags = COVERAGE_FLAGS.map(str::to_owned).to_vec();
    if has_address_sanitizer(triple)? {
        flags.push("-Zsanitizer=address".to_owned());
    } else {
        println!("without AddressSanitizer: this toolchain does not carry its runtime");
    }
    let mut cargo = repo.cargo();
    cargo
        .args([
            "build",
            "--release",
            "--bins",
            "--target",
            triple,
            "--manifest-path",
        ])
        .arg(fuzz_dir(repo).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(build_dir)
        // Sanitizers are not a stable feature; this asks for them on the stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        // With --target these reach the targets and not the build scripts.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    Ok(cargo)
}

fn run_target(
    repo: &Repo,
    target: &str,
    program: &Path,
    build_dir: &Path,
    seconds: u32,
) -> Result<()> {
    // Found inputs go into the first folder; the others are only read.
    let corpus = build_dir.join("corpus").join(target);
    let artifacts = build_dir.join("artifacts").join(target);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let written = build_dir.join("seeds").join(target);
    let seeds = [
        fuzz_dir(repo).join("seeds").join(target),
        match seeds::of(target) {
            [] => repo.root.join("schema/testdata"),
            seeds => {
                seeds::write(seeds, &written)?;
                written
            }
        },
    ];
    command::run(
        repo.command(program)
            .arg(&corpus)
            .args(seeds.iter().filter(|folder| folder.is_dir()))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            // Compares of one and two bytes guide the search only through value profiles.
            .arg("-use_value_profile=1")
            // One input that takes this long or this much is a finding as well.
            .args(["-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=512"])
            .args(["-print_final_stats=1", "-verbosity=0"]),
    )
    .with_context(|| {
        format!(
            "{target} found something; the input is in {}",
            repo.shown(&artifacts)
        )
    })
}

fn fuzz_dir(repo: &Repo) -> PathBuf {
    repo.root.join("schema/fuzz")
}

fn targets(fuzz_dir: &Path) -> Result<Vec<String>> {
    let folder = fuzz_dir.join("fuzz_targets");
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("there are no fuzz targets in {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "rs")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        bail!("there are no fuzz targets in {}", folder.display());
    }
    Ok(names)
}

fn has_address_sanitizer(triple: &str) -> Result<bool> {
    let libdir = command::capture(Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        triple,
    ]))?;
    // Named librustc-<channel>_rt.asan.a.
    Ok(std::fs::read_dir(libdir.trim())?
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().ends_with("_rt.asan.a")))
}
