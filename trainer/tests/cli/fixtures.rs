//! Fixtures are the same every time, and there is one of every kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use picket_schema::Artifact;
use picket_schema::artifact::{ModelTable, Operator};

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
    assert_eq!(first.len(), 11);
    let mut n_category_sets = 0;
    for (name, bytes) in &first {
        assert!(bytes.len() < 32 * 1024, "{name} has {} bytes", bytes.len());
        let artifact = Artifact::decode(bytes).unwrap();
        assert_eq!(*name, format!("{}.picket", artifact.card.name));
        match &artifact.model {
            ModelTable::Trees(trees) => {
                let is_linfa = name.contains("linfa");
                assert_eq!(trees.operator == Operator::Less, is_linfa, "{name}");
                n_category_sets += usize::from(!trees.category_sets.is_empty());
            }
            ModelTable::Linear(_) => assert!(name.contains("logistic")),
        }
    }
    assert_eq!(
        n_category_sets, 4,
        "every tree model of the NSL-KDD schema splits categories"
    );
}
