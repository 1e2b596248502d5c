//! The same rows, written in other ways, give the same model.

use std::fs::read;

use crate::bench_rows::Bench;
use crate::run::{schema, stdout_of, text};

fn rewrite(rows: &str, line: impl Fn(usize, Vec<&str>) -> String) -> String {
    rows.lines()
        .enumerate()
        .map(|(at, row)| line(at, row.split(',').collect()))
        .collect()
}

#[test]
fn dialects_of_csv_give_the_same_model() {
    let bench = Bench::new(400);
    let rows = bench.rows_text();
    let quoted_header = rewrite(&rows, |at, fields| {
        let mark = if at == 0 { "\"" } else { "" };
        let fields: Vec<String> = fields.iter().map(|f| format!("{mark}{f}{mark}")).collect();
        format!("{}\n", fields.join(","))
    });
    let reordered = rewrite(&rows, |_, fields| {
        let fields: Vec<&str> = fields.into_iter().rev().collect();
        format!("{}\n", fields.join(","))
    });
    let extra = rewrite(&rows, |at, fields| {
        let (id, note) = if at == 0 {
            ("id", "note")
        } else {
            ("17", "\"a, b\r\n\"\"c\"\"\"")
        };
        format!("{id},{},{note}\n", fields.join(","))
    });
    let decimals = rewrite(&rows, |at, fields| {
        let mark = if at == 0 { "" } else { ".0" };
        let fields: Vec<String> = fields.iter().map(|f| format!(" {f}{mark} ")).collect();
        format!("{}\n", fields.join(","))
    });
    let dialects = [
        ("quoted header", quoted_header.clone()),
        ("byte-order mark", format!("\u{feff}{rows}")),
        (
            "byte-order mark and quotes",
            format!("\u{feff}{quoted_header}"),
        ),
        ("CRLF", rows.replace('\n', "\r\n")),
        ("no last line end", rows.trim_end().to_owned()),
        ("blank lines", rows.replacen('\n', "\n\n", 5)),
        ("columns in another order", reordered),
        ("more columns", extra),
        ("decimals and blanks", decimals),
    ];
    let plain = read(bench.train("plain.picket", &["--model", "tree"])).unwrap();
    let (schema, out) = (schema("phishing.toml"), bench.path("dialect.picket"));
    for (name, content) in dialects {
        let data = bench.write("dialect.csv", content);
        stdout_of(&[
            "train",
            "--data",
            text(&data),
            "--schema",
            text(&schema),
            "--out",
            text(&out),
            "--model",
            "tree",
        ]);
        assert_eq!(read(&out).unwrap(), plain, "{name}");
    }
}
