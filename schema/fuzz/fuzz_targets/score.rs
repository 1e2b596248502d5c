//! Any model that loads scores any row: no panic, naive and fast agree, the score is a probability.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picket_wasm_model::{Explainer, Model, Scorer, naive};

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = Model::load(bytes) else { return };
    // The row's bits come from the file's end, so that the fuzzer can change them.
    let n_bytes = model.n_features() * 4;
    let row: Vec<f32> = bytes
        .iter()
        .rev()
        .cycle()
        .take(n_bytes)
        .copied()
        .collect::<Vec<u8>>()
        .as_chunks()
        .0
        .iter()
        .map(|bits| f32::from_le_bytes(*bits))
        .collect();
    let naive = naive::score(&model, &row).expect("the row fits");
    let fast = Scorer::new(&model).score(&row).expect("the row fits");
    assert_eq!(naive.margin.0.to_bits(), fast.margin.0.to_bits());
    assert!((0.0..=1.0).contains(&fast.score.0), "{fast:?}");
    // A batch this long is scored by tables, not by walking the file.
    let mut scorer = Scorer::new(&model);
    let batch = scorer.score_batch(&row.repeat(70)).expect("the rows fit");
    assert_eq!(batch[69].margin.0.to_bits(), fast.margin.0.to_bits());
    // And from then on a row alone too, in its own way through the tails.
    let alone = scorer.score(&row).expect("the row fits");
    assert_eq!(alone.margin.0.to_bits(), fast.margin.0.to_bits());
    if bytes.len() < 4096 {
        let explanation = Explainer::new(&model).explain(&row).expect("the row fits");
        assert_eq!(explanation.contributions.len(), row.len());
    }
});
