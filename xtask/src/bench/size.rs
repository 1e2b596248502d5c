//! `cargo xtask bench size`: how large models and programs are, as they are and compressed.

use super::lab::{Lab, SHAPES};
use super::record::{self, Record};
use super::report;
use super::table::{self, number};
use crate::args::Args;
use crate::build_wasm::{self, Output};
use crate::command;
use crate::repo::Repo;
use crate::setup::WasmToolchain;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// A file and what is allowed of it, in bytes: as it is, and by the smaller of zstd and brotli.
struct Item {
    shape: &'static str,
    engine: &'static str,
    path: PathBuf,
    raw: Option<f64>,
    compressed: Option<f64>,
    brotli: Option<f64>,
}

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let json = args.value::<PathBuf>("--json")?;
    let seed = args.value::<u64>("--seed")?.unwrap_or(1);
    args.finish()?;
    let lab = Lab::prepare(repo, seed)?;
    let toolchain = WasmToolchain::ensure(repo)?;
    build_wasm::build(repo, &toolchain, &[Output::Browser], None)?;
    let items = items(repo, &lab);
    // Python has zstd, node has brotli: the peers' environments are there anyway.
    let paths = items.iter().map(|item| &item.path);
    let script = lab.scripts.join("compressed.py");
    let sizes = command::capture(repo.command(&lab.python).arg(script).args(paths.clone()))?;
    let zstd: Vec<u64> = serde_json::from_str(&sizes).context("reading the sizes by zstd")?;
    let brotli: Vec<u64> = match command::find("node") {
        Some(node) => {
            let script = lab.scripts.join("compressed.mjs");
            let sizes = command::capture(repo.command(node).arg(script).args(paths))?;
            serde_json::from_str(&sizes).context("reading the sizes by brotli")?
        }
        None => Vec::new(),
    };

    let mut records = Vec::new();
    let mut rows = vec![
        ["shape", "file", "bytes", "zstd", "brotli"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (idx, item) in items.iter().enumerate() {
        let raw = std::fs::metadata(&item.path)
            .with_context(|| format!("looking at {}", item.path.display()))?
            .len();
        let sizes = [Some(raw), zstd.get(idx).copied(), brotli.get(idx).copied()];
        let allowed = [item.raw, item.compressed, item.brotli.or(item.compressed)];
        let shown = sizes.map(|size| match size {
            Some(size) => number(size as f64),
            None => "not measured: there is no node".to_owned(),
        });
        let names = [item.shape.to_owned(), item.engine.to_owned()];
        rows.push(names.into_iter().chain(shown).collect());
        for ((mode, size), allowed) in ["raw", "zstd", "brotli"]
            .into_iter()
            .zip(sizes)
            .zip(allowed)
        {
            records.extend(size.map(|size| Record {
                bench: "size",
                shape: item.shape.to_owned(),
                mode: mode.to_owned(),
                host: "file".to_owned(),
                engine: item.engine.to_owned(),
                value: size as f64,
                unit: "bytes",
                version: None,
                spread: None,
                seed,
                allowed,
            }));
        }
    }
    println!(
        "\ndata: {}; seed {seed}; {}\nzstd 19, brotli 11\n",
        lab.data,
        lab.versions()
    );
    println!("{}\n{}", table::text(&rows), report::goals(&records));
    if let Some(path) = json {
        record::write(&records, &path)?;
    }
    Ok(())
}

fn items(repo: &Repo, lab: &Lab) -> Vec<Item> {
    let item = |shape, engine, path| Item {
        shape,
        engine,
        path,
        raw: None,
        compressed: None,
        brotli: None,
    };
    let [gbdt, forest] = SHAPES;
    vec![
        Item {
            raw: Some(40e3),
            ..item(gbdt, "picket", lab.artifact(gbdt))
        },
        item(gbdt, "xgboost json", lab.model(gbdt, "json")),
        item(gbdt, "xgboost ubjson", lab.model(gbdt, "ubj")),
        item(gbdt, "xgboost pickle", lab.model(gbdt, "pickle")),
        item(gbdt, "onnx", lab.model(gbdt, "onnx")),
        item(gbdt, "tl2cgen library", lab.model(gbdt, "so")),
        item(
            gbdt,
            "lightgbm text, own trees",
            lab.model(gbdt, "lightgbm.txt"),
        ),
        item(gbdt, "ydf zip, own trees", lab.model(gbdt, "ydf.zip")),
        Item {
            raw: Some(500e3),
            compressed: Some(250e3),
            ..item(forest, "picket", lab.artifact(forest))
        },
        item(forest, "scikit-learn pickle", lab.model(forest, "pickle")),
        item(
            forest,
            "scikit-learn pickle, compress=3",
            lab.folder.join("forest-compressed.pickle"),
        ),
        item(forest, "onnx", lab.model(forest, "onnx")),
        item(forest, "tl2cgen library", lab.model(forest, "so")),
        item(forest, "ydf zip, own trees", lab.model(forest, "ydf.zip")),
        Item {
            brotli: Some(60e3),
            ..item(
                "program",
                "picket browser module",
                repo.www().join("pkg/picket_bg.wasm"),
            )
        },
        Item {
            raw: Some(120e3),
            ..item(
                "program",
                "picket scorer component",
                repo.scorer_component(),
            )
        },
    ]
    .into_iter()
    .chain(lab.node.as_ref().ok().into_iter().flat_map(|folder| {
        let modules = folder.join("node_modules");
        [
            item(
                "program",
                "onnxruntime-web module",
                modules.join("onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"),
            ),
            item(
                "program",
                "ydf-inference module",
                modules.join("ydf-inference/dist/inference.wasm"),
            ),
        ]
    }))
    .collect()
}
