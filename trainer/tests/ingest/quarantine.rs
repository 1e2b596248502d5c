//! Rows that are wrong are kept with their reasons, and counted.

use picket_trainer::ingest::{
    DataSource, FileSource, Ingest, IngestCounts, InvalidRows, ProblemKind, Quarantine,
};

use crate::rows::{read_file, schema, write};

const WRONG: &str = "note,bytes,flag,service,attack\n\
    a,1,1,http,1\n\
    b,-5,7,gopher,1\n\
    c,2,0,dns,0\n\
    \"d,\n\",3,-1,dns,maybe\n\
    e,many,1,80,0\n\
    f,1\n";

#[test]
fn refused_rows_stand_in_the_file_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (first, place) = (write(dir.path(), "1.csv", WRONG), dir.path().join("q.csv"));
    let second = "attack,service,bytes,flag,day\n1,http,x,1,monday\n0,dns,1,1,friday\n";
    let second = write(dir.path(), "2.csv", second);
    let paths = [&first, &second].map(|path| path.to_str().unwrap().to_owned());
    let source = DataSource::Files(FileSource {
        paths: paths.into(),
        delimiter: None,
    });
    let (schema, mut quarantine) = (schema(), Quarantine::new(&place));
    let ingest = Ingest {
        invalid: InvalidRows::Count(Some(&mut quarantine)),
        ..Ingest::new(&schema, &source)
    };
    let found = ingest.run().unwrap();
    assert!(!place.exists(), "the file comes when it is whole");
    assert_eq!(quarantine.commit().unwrap(), 5);
    assert_eq!(
        found.counts,
        IngestCounts {
            n_tables: 2,
            n_read: 8,
            n_kept: 3,
            n_invalid: 5,
            ..IngestCounts::default()
        }
    );
    let kept: Vec<f32> = found.values.iter().step_by(3).copied().collect();
    assert_eq!(
        (kept, found.labels),
        (vec![1.0, 2.0, 1.0], vec![true, false, false])
    );

    let problems = found.problems.problems();
    let count = |column: &str, kind| {
        let problem = problems
            .iter()
            .find(|problem| problem.column == column && problem.kind == kind);
        problem.map_or(0, |problem| problem.count)
    };
    assert_eq!(count("bytes", ProblemKind::OutOfDomain), 1);
    assert_eq!(count("bytes", ProblemKind::WrongType), 2);
    assert_eq!(count("flag", ProblemKind::OutOfDomain), 1);
    assert_eq!(count("service", ProblemKind::OutOfDomain), 1);
    assert_eq!(count("attack", ProblemKind::UnknownClass), 1);
    assert_eq!(count("", ProblemKind::FieldCount), 1);
    assert_eq!(problems.len(), 6, "{problems:?}");

    let mut reader = csv::Reader::from_path(&place).unwrap();
    let header: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        header.join(","),
        "_source,_row,_line,_reasons,note,bytes,flag,service,attack,_rest"
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(&rows[0][1], "2");
    assert_eq!(&rows[0][2], "3");
    for reason in [
        "bytes: found -5",
        "flag: found 7",
        "unknown category \"gopher\"",
    ] {
        assert!(rows[0][3].contains(reason), "{}", &rows[0][3]);
    }
    assert_eq!(
        rows[0].iter().skip(4).collect::<Vec<_>>(),
        ["b", "-5", "7", "gopher", "1", ""]
    );
    assert_eq!((&rows[1][2], &rows[1][4]), ("5", "d,\n"));
    assert_eq!((&rows[3][2], &rows[3][5]), ("8", "1"));
    assert!(rows[3][3].contains("found 2 fields"));
    // The second file's own columns, by name; what the first does not have stands at the end.
    assert_eq!(
        rows[4].iter().skip(4).collect::<Vec<_>>(),
        ["", "x", "1", "http", "1", "day=monday"]
    );
}

#[test]
fn nothing_wrong_leaves_no_file_and_strict_reading_stops() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("q.csv");
    assert_eq!(Quarantine::new(&place).commit().unwrap(), 0);
    assert!(!place.exists());
    let refusal = read_file(&write(dir.path(), "1.csv", WRONG)).unwrap_err();
    let words = refusal.to_string();
    assert!(
        words.contains("row 2 (line 3), column \"bytes\": found \"-5\""),
        "{words}"
    );
}
