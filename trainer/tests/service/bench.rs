//! A folder with rows, a pipeline and a state folder for one test.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::run;

/// What one test works in.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
}

impl Bench {
    /// A pipeline over so many rows; `search` is its section of candidates.
    pub(crate) fn new(n_rows: usize, search: &str) -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::write(bench.path("rows.csv"), rows_csv(n_rows)).unwrap();
        let schema = schema_place();
        let pipeline = format!(
            "name = \"phishing\"\ndata = {}\nschema = {}\nseed = 4\n[search]\nfolds = 3\nblend = false\n{search}\n\
             [evaluate]\nmin-f1 = 0.0\nmax-gap = 1.0\nboth-splits = false\n[publish]\nto = {}\nallow-unsigned = true\n",
            quoted(&bench.path("rows.csv")),
            quoted(&schema),
            quoted(&bench.path("store")),
        );
        fs::write(bench.pipeline(), pipeline).unwrap();
        bench
    }

    /// A small one that learns in about a second.
    pub(crate) fn small() -> Self {
        Self::new(
            400,
            "[[search.candidates]]\nmodel = \"logistic\"\nl2 = [0.1, 1.0]\n\
             [[search.candidates]]\nmodel = \"boosting\"\nn_trees = 10\nmax_depth = [2, 3]",
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn pipeline(&self) -> PathBuf {
        self.path("pipeline.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The arguments that every process of the service has.
    pub(crate) fn work_arguments(&self) -> Vec<String> {
        let state = self.state().display().to_string();
        ["--state", &state, "--heartbeat", "1", "--threads", "1"]
            .map(str::to_owned)
            .to_vec()
    }
}

fn schema_place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/schemas/phishing.toml")
}

/// What a row holds.
pub(crate) fn schema() -> picket_schema::FeatureSchema {
    let text = fs::read_to_string(schema_place()).unwrap();
    picket_schema::FeatureSchema::from_toml(&text).unwrap()
}

/// Sampled rows as CSV, with their labels.
pub(crate) fn rows_csv(n_rows: usize) -> String {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("rows.csv").display().to_string();
    let n_rows = n_rows.to_string();
    let (code, _, said) = run(&["sample", "--rows", &n_rows, "--seed", "3", "--out", &place]);
    assert_eq!(code, Some(0), "{said}");
    fs::read_to_string(place).unwrap()
}

/// A path as a TOML string.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}
