//! The frozen scores: what a fixture said of a row once, it says for ever.

use std::path::{Path, PathBuf};

use picket_wasm_model::{Model, Scorer, naive};

fn bits<T>(field: &str, from_hex: impl Fn(&str, u32) -> Result<T, std::num::ParseIntError>) -> T {
    from_hex(field, 16).expect("a hexadecimal number")
}

#[test]
fn every_fixture_gives_the_frozen_scores() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/testdata/v1");
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "picket") {
            continue;
        }
        n_files += 1;
        let bytes = std::fs::read(&path).unwrap();
        let model = Model::load(&bytes).unwrap();
        let mut scorer = Scorer::new(&model);
        let frozen = std::fs::read_to_string(path.with_extension("scores.txt")).unwrap();
        let mut n_rows = 0;
        for line in frozen.lines() {
            let (row, expected) = line.split_once(" -> ").expect("row -> margin score");
            let row: Vec<f32> = row
                .split(' ')
                .map(|field| f32::from_bits(bits(field, u32::from_str_radix)))
                .collect();
            let expected: Vec<u64> =
                expected.split(' ').map(|field| bits(field, u64::from_str_radix)).collect();
            for scored in [scorer.score(&row).unwrap(), naive::score(&model, &row).unwrap()] {
                let found = [scored.margin.0.to_bits(), scored.score.0.to_bits()];
                assert_eq!(found[..], expected, "{}: {line}", path.display());
            }
            n_rows += 1;
        }
        assert!(n_rows >= 30, "{}: {n_rows} rows", path.display());
    }
    assert!(n_files >= 11, "every model kind on both schemas, found {n_files}");
}
