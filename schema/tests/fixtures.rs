//! The frozen files of every readable version: they stay readable, and stay as they are.

use std::path::{Path, PathBuf};

use picket_schema::Artifact;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the fixtures are in the checkout")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "picket")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_fixture_is_read_and_written_byte_for_byte() {
    let files = fixtures();
    assert!(
        files.len() >= 11,
        "every model kind on both schemas, found {}",
        files.len()
    );
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let artifact =
            Artifact::decode(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(artifact.encode().unwrap(), bytes, "{}", file.display());
    }
}

#[test]
fn the_fixtures_are_those_that_were_frozen() {
    let list = include_str!("../testdata/v1/digests.txt");
    let found: Vec<String> = fixtures()
        .iter()
        .map(|file| {
            let digest = Artifact::digest(&std::fs::read(file).unwrap());
            format!("{digest}  {}", file.file_name().unwrap().display())
        })
        .collect();
    let list: Vec<&str> = list.lines().collect();
    assert_eq!(
        found, list,
        "a fixture changed; only `cargo xtask fixtures` may do that"
    );
}
