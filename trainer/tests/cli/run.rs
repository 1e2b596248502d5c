//! Runs the binary and looks at what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The file of a schema that comes with the project.
pub(crate) fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../schema/schemas")
        .join(name)
}

/// The trainer with some arguments.
pub(crate) fn trainer(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the trainer to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    trainer(arguments).output().unwrap()
}

/// Runs the trainer, which must succeed, and gives its standard output.
pub(crate) fn stdout_of(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the trainer, which must succeed, and reads its standard output as JSON.
pub(crate) fn json_of(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout_of(arguments)).unwrap()
}

/// Runs the trainer, which must refuse its input, and gives what it says.
pub(crate) fn refusal_of(arguments: &[&str]) -> String {
    let output = run(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(output.stdout.is_empty(), "a refusal writes no result");
    text
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
