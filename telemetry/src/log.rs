//! The log: one JSON object a line, on standard error or in a file that is rotated.

use std::io::Write as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::TelemetryError;
use crate::rotated_file::RotatedFile;

/// From which level on lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    #[default]
    Info,
    /// What somebody should look at.
    Warn,
    /// What does not work.
    Error,
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "info" => Ok(Self::Info),
            "warn" => Ok(Self::Warn),
            "error" => Ok(Self::Error),
            _ => Err("expected info, warn or error".to_owned()),
        }
    }
}

/// Where the log goes.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// From which level on.
    pub level: LogLevel,
    /// The file; standard error without it.
    pub file: Option<PathBuf>,
    /// The most bytes of a file before it is put aside.
    pub max_bytes: u64,
    /// How many files are kept, the one being written among them.
    pub n_files: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            file: None,
            max_bytes: 10 << 20,
            n_files: 5,
        }
    }
}

struct Log {
    level: LogLevel,
    file: Option<Mutex<RotatedFile>>,
}

/// One a process: whatever fails, wherever, can say so.
static LOG: OnceLock<Log> = OnceLock::new();

/// Says where the log of this process goes. Only the first call counts; before it, and without it, lines go to
/// standard error.
///
/// # Errors
/// [`TelemetryError::LogFile`] where the file cannot be written.
pub fn start_log(config: &LogConfig) -> Result<(), TelemetryError> {
    let file = match &config.file {
        None => None,
        Some(path) => {
            let file = RotatedFile::open(path, config.max_bytes, config.n_files);
            let file = file.map_err(|source| TelemetryError::LogFile {
                path: path.clone(),
                source,
            })?;
            Some(Mutex::new(file))
        }
    };
    let level = config.level;
    let _ = LOG.set(Log { level, file });
    Ok(())
}

/// Writes a line. Keys stand in alphabetical order after `time`, `level` and `event`. A request's lines have `request_id`,
/// those of a training `task_id` and `run_id`.
pub fn log(level: &str, event: &str, fields: &[(&str, Value)]) {
    let sink = LOG.get();
    let least = sink.map_or(LogLevel::Info, |it| it.level);
    if level.parse().unwrap_or(LogLevel::Error) < least {
        return;
    }
    let line = line(SystemTime::now(), level, event, fields);
    if let Some(file) = sink.and_then(|it| it.file.as_ref()) {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.write(line.as_bytes()).is_ok() {
            return;
        }
    }
    // Where nobody reads standard error, nothing is lost by going on.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn line(time: SystemTime, level: &str, event: &str, fields: &[(&str, Value)]) -> String {
    let fields: Map<String, Value> = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let time = humantime::format_rfc3339_millis(time);
    let (level, event) = (Value::from(level), Value::from(event));
    let rest = Value::Object(fields).to_string();
    let rest = rest.trim_start_matches('{');
    let comma = if rest == "}" { "" } else { "," };
    format!("{{\"time\":\"{time}\",\"level\":{level},\"event\":{event}{comma}{rest}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_one_object_whatever_stands_in_it() -> Result<(), serde_json::Error> {
        let hostile = "a\n{\"level\":\"info\"}\u{1b}[31m";
        let fields = [("reason", json!(hostile)), ("n", json!(3))];
        let written = line(SystemTime::UNIX_EPOCH, "warn", "odd", &fields);
        assert_eq!(written.matches('\n').count(), 1);
        assert!(!written.contains('\u{1b}'), "{written}");
        let read: Value = serde_json::from_str(&written)?;
        let expected = json!({
            "time": "1970-01-01T00:00:00.000Z", "level": "warn", "event": "odd", "n": 3, "reason": hostile,
        });
        assert_eq!(read, expected);
        let bare = line(SystemTime::UNIX_EPOCH, "info", "bare", &[]);
        assert!(bare.ends_with("\"event\":\"bare\"}\n"), "{bare}");
        Ok(())
    }
}
