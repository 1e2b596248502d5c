//! Row → score in wasmtime: the scorer component gives the bits that native code gives, for
//! margins, scores and explanations, for every model kind on both schemas.

use std::path::PathBuf;

use picket_journeys::models::{self, NamedArtifact};
use picket_journeys::parity;
use picket_wasm_model::Model;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

mod bindings {
    #![allow(missing_docs, reason = "generated from the WIT world")]
    wasmtime::component::bindgen!({ path: "../wasm-model/wit", world: "scorer-component" });
}

const N_ROWS: usize = 10_000;
/// Explanations cost more than scores; their code has no branches on the model's kind beyond these.
const N_EXPLAINED: usize = 200;

fn component_path() -> Option<PathBuf> {
    let path = std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from);
    if path.is_none() {
        eprintln!("SKIPPED: set PICKET_SCORER_COMPONENT, or run `cargo xtask test`");
    }
    path
}

/// The bits of margin and score of each row, then those of the first rows' explanations.
fn bits_in_wasmtime(
    engine: &Engine,
    component: &Component,
    artifact: &NamedArtifact,
    rows: &[f32],
    n_features: usize,
) -> wasmtime::Result<(Vec<u64>, Vec<u64>)> {
    // The linker is empty: the component may import nothing.
    let linker: Linker<()> = Linker::new(engine);
    let mut store = Store::new(engine, ());
    let world = bindings::ScorerComponent::instantiate(&mut store, component, &linker)?;
    let model_api = world.picket_model_scorer().model();
    let model = model_api
        .call_load(&mut store, &artifact.bytes)?
        .expect("the artifact loads");
    let scored = model_api
        .call_score(&mut store, model, rows)?
        .expect("whole rows");
    let bits = scored
        .iter()
        .flat_map(|s| [s.margin.to_bits(), s.score.to_bits()])
        .collect();
    let mut explained = Vec::new();
    for row in rows.chunks_exact(n_features).take(N_EXPLAINED) {
        let e = match model_api.call_explain(&mut store, model, row)? {
            // Of such a model there are no native explanations either.
            Err(bindings::exports::picket::model::scorer::Error::Unexplainable(_)) => continue,
            explanation => explanation.expect("a whole row"),
        };
        explained.push(e.base.to_bits());
        explained.extend(e.contributions.iter().map(|x| x.to_bits()));
    }
    Ok((bits, explained))
}

#[test]
fn the_component_gives_the_native_bits() -> wasmtime::Result<()> {
    let Some(path) = component_path() else {
        return Ok(());
    };
    let engine = Engine::new(&Config::new())?;
    let component = Component::from_file(&engine, path)?;
    let mut artifacts = models::every_kind();
    artifacts.extend(models::trained());
    for artifact in &artifacts {
        let model = Model::load(&artifact.bytes).expect("the artifact loads");
        let n_features = model.n_features();
        let real = parity::real_rows(model.schema(), N_ROWS / 4);
        let rows = parity::rows(&model, &real, N_ROWS, 17);
        let native = parity::native_scores(&model, &rows);
        let (scores, explained) =
            bits_in_wasmtime(&engine, &component, artifact, &rows, n_features)?;
        assert_eq!(
            parity::first_difference(&native, &scores),
            None,
            "{}",
            artifact.name
        );
        // Native explanations come in the model's unit and as margins; the component's are of the margin.
        let few = &rows[..N_EXPLAINED * n_features];
        let native: Vec<u64> = parity::native_explanations(&model, few)
            .chunks_exact(2 * (1 + n_features))
            .flat_map(|both| both[1 + n_features..].to_vec())
            .collect();
        assert_eq!(
            parity::first_difference(&native, &explained),
            None,
            "{}",
            artifact.name
        );
        println!(
            "{}: {} rows, all bits agree",
            artifact.name,
            rows.len() / n_features
        );
    }
    Ok(())
}

#[test]
fn hostile_calls_get_errors() -> wasmtime::Result<()> {
    let Some(path) = component_path() else {
        return Ok(());
    };
    let engine = Engine::new(&Config::new())?;
    let component = Component::from_file(&engine, path)?;
    let linker: Linker<()> = Linker::new(&engine);
    let mut store = Store::new(&engine, ());
    let world = bindings::ScorerComponent::instantiate(&mut store, &component, &linker)?;
    let model_api = world.picket_model_scorer().model();
    let error = model_api
        .call_load(&mut store, b"not a model")?
        .expect_err("not an artifact");
    assert!(
        format!("{error:?}").contains("not a Picket artifact"),
        "{error:?}"
    );
    let artifact = &models::every_kind()[0];
    let model = model_api
        .call_load(&mut store, &artifact.bytes)?
        .expect("the artifact loads");
    assert!(model_api.call_score(&mut store, model, &[0.0; 7])?.is_err());
    assert!(
        model_api
            .call_explain(&mut store, model, &[0.0; 7])?
            .is_err()
    );
    // The instance goes on after errors.
    assert_eq!(
        model_api
            .call_score(&mut store, model, &[0.0; 60])?
            .expect("two rows")
            .len(),
        2
    );
    Ok(())
}
