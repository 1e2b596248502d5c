//! CSV, TSV, gzip, several files.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use picket_trainer::ingest::{DataSource, FileSource};

use crate::rows::{dataset, read, read_file, text, write};

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_same_rows_come_out_of_every_text_form() {
    let (dir, data) = (tempfile::tempdir().unwrap(), dataset());
    let all = 0..data.n_rows();
    let comma = text(&data, all.clone(), ",");
    let csv = write(dir.path(), "rows.csv", &comma);
    let tsv = write(dir.path(), "rows.tsv", text(&data, all.clone(), "\t"));
    let tab_gz = write(
        dir.path(),
        "rows.tab.gz",
        packed(&text(&data, all.clone(), "\t")),
    );
    // Told by its bytes, not by its name; and in two members.
    let (head, tail) = comma.split_at(comma.len() / 2);
    let gz = write(dir.path(), "packed", [packed(head), packed(tail)].concat());
    for file in [csv, tsv, tab_gz, gz] {
        let found = read_file(&file).unwrap();
        assert_eq!(found.digest(), data.digest(), "{}", file.display());
    }
    let semicolon = write(dir.path(), "rows.txt", text(&data, all, ";"));
    let source = DataSource::Files(FileSource {
        paths: vec![semicolon.to_str().unwrap().to_owned()],
        delimiter: Some(';'),
    });
    assert_eq!(read(&source).unwrap().digest(), data.digest());
    let refusal = read_file(&semicolon).unwrap_err().to_string();
    assert!(refusal.contains("separated by ';'"), "{refusal}");
    assert!(refusal.contains("--delimiter"), "{refusal}");
}

#[test]
fn files_of_a_pattern_are_one_set_of_rows_in_the_order_of_their_names() {
    let (dir, data) = (tempfile::tempdir().unwrap(), dataset());
    write(dir.path(), "day-2.csv", text(&data, 400..1000, ","));
    write(dir.path(), "day-1.csv", text(&data, 0..400, ","));
    write(dir.path(), "day.txt", "not rows");
    let pattern = dir.path().join("day-*.csv");
    assert_eq!(read_file(&pattern).unwrap().digest(), data.digest());
    let nothing = read_file(&dir.path().join("night-*.csv")).unwrap_err();
    assert!(nothing.to_string().contains("no such file"), "{nothing}");
    assert!(nothing.is_input_error());
}

#[test]
fn a_quote_left_open_does_not_take_all_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = b"bytes,flag,service,attack\n1,1,\"http,1\n".to_vec();
    bytes.resize(40 << 20, b'x');
    let file = write(dir.path(), "open.csv", bytes);
    let error = read_file(&file).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("is a quote left open?"), "{cause}");
}
