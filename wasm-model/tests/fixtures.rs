//! The frozen scores: what a fixture said of a row once, it says for ever.

use std::path::Path;

use picket_wasm_model::{Model, Scorer, naive};

/// The row's values, eight hexadecimal digits each.
fn row_of(field: &str) -> Vec<f32> {
    let digits = field.as_bytes().as_chunks::<8>().0;
    let value = |digits: &[u8; 8]| {
        let digits = std::str::from_utf8(digits).expect("ASCII");
        f32::from_bits(u32::from_str_radix(digits, 16).expect("hexadecimal"))
    };
    digits.iter().map(value).collect()
}

#[test]
fn every_fixture_gives_the_frozen_scores() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/testdata/v1");
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "picket")
        {
            continue;
        }
        n_files += 1;
        let bytes = std::fs::read(&path).unwrap();
        let model = Model::load(&bytes).unwrap();
        let mut scorer = Scorer::new(&model);
        let frozen = std::fs::read_to_string(path.with_extension("scores.txt")).unwrap();
        let mut n_rows = 0;
        for line in frozen.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let row = row_of(fields[0]);
            let expected = [1, 2].map(|idx| u64::from_str_radix(fields[idx], 16).unwrap());
            for scored in [
                scorer.score(&row).unwrap(),
                naive::score(&model, &row).unwrap(),
            ] {
                let found = [scored.margin.0.to_bits(), scored.score.0.to_bits()];
                assert_eq!(found, expected, "{}: {line}", path.display());
            }
            n_rows += 1;
        }
        assert!(n_rows >= 30, "{}: {n_rows} rows", path.display());
    }
    assert!(
        n_files >= 11,
        "every model kind on both schemas, found {n_files}"
    );
}
