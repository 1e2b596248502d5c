//! Fixtures are the same every time, and there is one of every kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use picket_schema::artifact::{Calibration, ModelTable, Operator};
use picket_schema::{Artifact, Verdict};
use picket_wasm_model::{Model, naive};

use crate::run::{stdout_of, text};

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|e| {
            (
                e.file_name().into_string().unwrap(),
                fs::read(e.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn fixtures_are_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    stdout_of(&["fixtures", "--out", text(&first)]);
    stdout_of(&["fixtures", "--out", text(&second)]);
    let (first, second) = (files(&first), files(&second));
    let differ: Vec<&String> = first
        .iter()
        .filter(|(name, bytes)| second.get(*name) != Some(bytes))
        .map(|f| f.0)
        .collect();
    assert!(differ.is_empty(), "{differ:?}");
    assert_eq!(first.len(), 44);
    let mut n_category_sets = 0;
    for (name, bytes) in first.iter().filter(|(name, _)| name.ends_with(".picket")) {
        assert!(bytes.len() < 48 * 1024, "{name} has {} bytes", bytes.len());
        let artifact = Artifact::decode(bytes).unwrap();
        assert_eq!(*name, format!("{}.picket", artifact.card.name));
        let has_steps = name.contains("encoded") || name.contains("imputed");
        assert_eq!(!artifact.transform.0.is_empty(), has_steps, "{name}");
        match &artifact.model {
            ModelTable::Trees(trees) => {
                let is_less = name.contains("less");
                assert_eq!(trees.operator == Operator::Less, is_less, "{name}");
                n_category_sets += usize::from(!trees.category_sets.is_empty());
            }
            ModelTable::Linear(_) => {
                assert!(name.contains("logistic") || name.contains("svm-linear"));
            }
            ModelTable::Neighbours(_) => assert!(name.contains("knn")),
            ModelTable::Kernel(_) => assert!(name.contains("svm-rbf")),
            ModelTable::Blend(_) => assert!(name.contains("voting") || name.contains("stacking")),
        }
    }
    for (name, scores) in first
        .iter()
        .filter(|(name, _)| name.ends_with(".scores.txt"))
    {
        let model = &first[&name.replace(".scores.txt", ".picket")];
        // One kind is calibrated by knots and leaves some scores undecided.
        let artifact = Artifact::decode(model).unwrap();
        let is_special = name.contains("extra-trees");
        let is_isotonic = matches!(artifact.calibration, Calibration::Isotonic(_));
        assert_eq!(is_isotonic, is_special, "{name}");
        assert_eq!(artifact.decision.uncertain.is_some(), is_special, "{name}");
        let n_verdicts = if is_special { 3 } else { 2 };
        assert_scores(model, std::str::from_utf8(scores).unwrap(), n_verdicts);
    }
    assert_eq!(
        n_category_sets, 5,
        "every tree model of the NSL-KDD schema splits categories"
    );
}

/// The scores that are written down are those of the obvious scorer, bit by bit.
fn assert_scores(model: &[u8], scores: &str, n_verdicts: usize) {
    let model = Model::load(model).unwrap();
    let mut verdicts = BTreeSet::new();
    for line in scores.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let row: Vec<f32> = fields[0]
            .as_bytes()
            .chunks(8)
            .map(|digits| std::str::from_utf8(digits).unwrap())
            .map(|digits| f32::from_bits(u32::from_str_radix(digits, 16).unwrap()))
            .collect();
        let scored = naive::score(&model, &row).unwrap();
        let bits = |digits| u64::from_str_radix(digits, 16).unwrap();
        assert_eq!(bits(fields[1]), scored.margin.0.to_bits());
        assert_eq!(bits(fields[2]), scored.score.0.to_bits());
        let verdict = match scored.verdict {
            Verdict::Positive => "positive",
            Verdict::Negative => "negative",
            Verdict::Uncertain => "uncertain",
        };
        assert_eq!(fields[3], verdict);
        verdicts.insert(fields[3]);
    }
    assert_eq!((scores.lines().count(), verdicts.len()), (65, n_verdicts));
}
