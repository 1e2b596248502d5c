//! Files of labelled rows, as `trainer ingest` writes them: with the pseudonym of each row's source.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::TrainerError;
use crate::output_file::OutputFile;

/// The column with the pseudonym.
const SOURCE_COLUMN: &str = "source";

/// Takes the rows of subjects out of a CSV file, and gives their number. The file is replaced as a whole, or left as
/// it is where none is theirs.
///
/// # Errors
/// [`TrainerError::Read`] and [`TrainerError::Write`]; [`TrainerError::Usage`] for a file without the column `source`:
/// nobody can be found in it.
pub fn erase_rows(file: &Path, subjects: &BTreeSet<String>) -> Result<u64, TrainerError> {
    if file
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("parquet"))
    {
        return Err(TrainerError::Usage {
            option: format!("--rows {}", file.display()),
            expected: "expected CSV: write a Parquet file anew by trainer ingest, once the store is without the subject"
                .to_owned(),
        });
    }
    let wrong = |error: csv::Error| TrainerError::Read {
        file: file.display().to_string(),
        source: match error.into_kind() {
            csv::ErrorKind::Io(source) => source,
            other => std::io::Error::other(format!("{other:?}")),
        },
    };
    let mut reader = csv::Reader::from_path(file).map_err(wrong)?;
    let header = reader.byte_headers().map_err(wrong)?.clone();
    let column = header.iter().position(|it| it == SOURCE_COLUMN.as_bytes());
    let column = column.ok_or_else(|| TrainerError::Usage {
        option: format!("--rows {}", file.display()),
        expected: "expected a column \"source\" with pseudonyms".to_owned(),
    })?;
    let cannot_write = |source: std::io::Error| TrainerError::Write {
        file: file.to_owned(),
        source,
    };
    let mut out = OutputFile::create(file)?;
    let mut n_erased = 0;
    {
        let mut writer = csv::Writer::from_writer(&mut out);
        let failed = |error: csv::Error| cannot_write(std::io::Error::other(error.to_string()));
        writer.write_byte_record(&header).map_err(failed)?;
        for record in reader.byte_records() {
            let record = record.map_err(wrong)?;
            let source = record
                .get(column)
                .and_then(|it| std::str::from_utf8(it).ok());
            if source.is_some_and(|it| subjects.contains(it)) {
                n_erased += 1;
            } else {
                writer.write_byte_record(&record).map_err(failed)?;
            }
        }
        writer.flush().map_err(cannot_write)?;
    }
    if n_erased > 0 {
        out.commit()?;
    }
    Ok(n_erased)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_subject_go_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows.csv");
        let (ann, bob) = ("a".repeat(32), "b".repeat(32));
        let text = format!("source,x\n{ann},1\n{bob},2\n,3\n{ann},\"4,\n5\"\n");
        std::fs::write(&file, &text).unwrap();
        assert_eq!(erase_rows(&file, &["c".repeat(32)].into()).unwrap(), 0);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        assert_eq!(erase_rows(&file, &[ann].into()).unwrap(), 2);
        let left = std::fs::read_to_string(&file).unwrap();
        assert_eq!(left, format!("source,x\n{bob},2\n,3\n"));
        std::fs::write(&file, "x\n1\n").unwrap();
        let error = erase_rows(&file, &[bob].into()).unwrap_err();
        assert!(error.to_string().contains("source"), "{error}");
    }
}
