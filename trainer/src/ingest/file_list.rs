//! Which files a list of paths and patterns names.

use std::path::{Path, PathBuf};

use super::error::IngestError;

/// The path that means standard input.
pub(crate) const DASH: &str = "-";

/// The files that `patterns` name, in their order; those of one pattern by name.
///
/// `*` and `?` stand for any text and any character in the last part of a path. A file whose name
/// has them is that file.
///
/// # Errors
/// [`IngestError::NoFiles`] where a pattern names none, [`IngestError::FileTwice`] where two name
/// one file, [`IngestError::Read`] where a folder cannot be read.
pub(crate) fn files(patterns: &[String]) -> Result<Vec<PathBuf>, IngestError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        for file in matches(pattern)? {
            if files.contains(&file) {
                let file = file.display().to_string();
                return Err(IngestError::FileTwice { file });
            }
            files.push(file);
        }
    }
    if files.is_empty() {
        let pattern = "data".to_owned();
        return Err(IngestError::NoFiles { pattern });
    }
    Ok(files)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, IngestError> {
    let path = Path::new(pattern);
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(name), false) = (name, pattern == DASH || path.exists()) else {
        return Ok(vec![path.to_owned()]);
    };
    if !name.contains(['*', '?']) {
        // Opening it says what is wrong with it.
        return Ok(vec![path.to_owned()]);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let listed = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    let wrong = |source| IngestError::Read {
        file: pattern.to_owned(),
        source,
    };
    let wanted: Vec<char> = name.chars().collect();
    let mut files = Vec::new();
    for entry in listed.read_dir().map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let found = entry.file_name();
        let fits = found.to_str().is_some_and(|found| {
            // As in a shell: a hidden file is named, not matched.
            (!found.starts_with('.') || name.starts_with('.'))
                && is_match(&wanted, &found.chars().collect::<Vec<_>>())
        });
        if fits && entry.path().is_file() {
            files.push(folder.join(found));
        }
    }
    if files.is_empty() {
        let pattern = pattern.to_owned();
        return Err(IngestError::NoFiles { pattern });
    }
    files.sort();
    Ok(files)
}

/// Whether `name` is what `pattern` says. Time grows with the product of the lengths at most.
fn is_match(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    // After a `*`: where to go on when the rest does not fit, one character later each time.
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, in_name));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((after, from)) = star else {
                    return false;
                };
                star = Some((after, from + 1));
                at = after;
                in_name = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|wanted| *wanted == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        is_match(&chars(pattern), &chars(name))
    }

    #[test]
    fn stars_and_question_marks_stand_for_text() {
        assert!(fits("*.csv", "a.csv") && fits("*.csv", ".csv"));
        assert!(fits("a*b*c", "a-b-b-c") && fits("*", "") && fits("day-??.csv", "day-07.csv"));
        assert!(!fits("*.csv", "a.csv.gz") && !fits("?", "") && !fits("a*b", "ac"));
        let (long, hostile) = ("a".repeat(2000), "*a".repeat(1000) + "b");
        assert!(!fits(&hostile, &long), "ends soon");
    }

    #[test]
    fn files_come_by_name_and_each_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", ".hidden.csv", "c.txt", "[x]*.csv"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let place = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let names = |found: Vec<PathBuf>| -> Vec<String> {
            let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
            found.iter().map(name).collect()
        };
        assert_eq!(names(files(&[place("?.csv")]).unwrap()), ["a.csv", "b.csv"]);
        assert_eq!(names(files(&[place("[x]*.csv")]).unwrap()), ["[x]*.csv"]);
        assert!(matches!(
            files(&[place("*.parquet")]),
            Err(IngestError::NoFiles { .. })
        ));
        assert!(matches!(
            files(&[place("a.csv"), place("*.csv")]),
            Err(IngestError::FileTwice { .. })
        ));
    }
}
