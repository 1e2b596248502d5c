//! Rows of a subject in files: which go, and that nothing else does.

use std::collections::BTreeSet;

use picket_trainer::erase::erase_rows;

fn pseudonym(letter: &str) -> String {
    letter.repeat(32)
}

/// Erases one subject from a CSV text: how many rows went, and what is left.
fn erased(text: &str, letter: &str) -> (u64, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, text).unwrap();
    let n_rows = erase_rows(&file, &BTreeSet::from([pseudonym(letter)])).unwrap();
    (n_rows, std::fs::read_to_string(file).unwrap())
}

#[test]
fn rows_of_a_subject_go_from_csv_and_no_others() {
    let (ann, bob) = (pseudonym("a"), pseudonym("b"));
    // The pseudonym stands among other columns, and in another column it is a value like any other.
    let text =
        format!("id,source,x\n{ann},{bob},1\n2,{ann},\"4,\n5\"\n3,,3\n{bob},{ann},4\n5,{ann}x,5\n");
    let (n_rows, left) = erased(&text, "a");
    assert_eq!(n_rows, 2);
    assert_eq!(
        left,
        format!("id,source,x\n{ann},{bob},1\n3,,3\n5,{ann}x,5\n")
    );
    // One row is enough, the first and the last too.
    let (n_rows, left) = erased(&text, "b");
    assert_eq!((n_rows, left.lines().count()), (1, 6));
    assert!(!left.contains(&format!("{ann},{bob}")) && left.contains("\"4,\n5\""));
    let last = format!("source,x\n{ann},1\n{bob},2\n");
    assert_eq!(erased(&last, "b"), (1, format!("source,x\n{ann},1\n")));
    assert_eq!(erased(&last, "a"), (1, format!("source,x\n{bob},2\n")));
    assert_eq!(erased(&last, "c"), (0, last.clone()));
    // Of two columns of that name either may hold it.
    let twice = format!("source,x,source\n{bob},1,{ann}\n{ann},2,{bob}\n{bob},3,{bob}\n");
    let (n_rows, left) = erased(&twice, "a");
    assert_eq!(
        (n_rows, left),
        (2, format!("source,x,source\n{bob},3,{bob}\n"))
    );
}

#[test]
fn a_file_in_which_nobody_can_be_found_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, "x,Source\n1,2\n").unwrap();
    let error = erase_rows(&file, &BTreeSet::from([pseudonym("a")])).unwrap_err();
    assert!(
        error.to_string().contains("source") && error.is_input_error(),
        "{error}"
    );
    let error = erase_rows(&folder.path().join("none.csv"), &BTreeSet::new()).unwrap_err();
    assert!(error.is_input_error(), "{error}");
}

/// More rows than stand in one group, with missing values and categories.
#[cfg(feature = "parquet")]
#[test]
fn rows_of_a_subject_go_from_every_group_of_a_parquet_file() {
    use picket_schema::FeatureSchema;
    use picket_trainer::ingest::{DataSource, Ingest};
    use picket_trainer::records::{JoinCounts, LabelledRow, LabelledRows, ReadCounts};

    let schema = "name = \"pages\"\n[label]\nname = \"Result\"\n\
        positive = { name = \"phishing\", values = [\"1\"] }\nnegative = { name = \"legitimate\", values = [\"0\"] }\n\
        [[features]]\nname = \"length\"\ndomain = { range = [0, 200000] }\nmissing = \"accept\"\n\
        [[features]]\nname = \"kind\"\ndomain = { categories = [\"a\", \"b\"] }\nmissing = \"accept\"\n";
    let schema = FeatureSchema::from_toml(schema).unwrap();
    let row = |n: u32| LabelledRow {
        prediction: format!("{n:032x}"),
        time_ms: u64::from(n),
        source: match n % 5 {
            0 => None,
            // The third subject has one row alone, at the end.
            _ if n == 69_999 => Some(pseudonym("c")),
            1 => Some(pseudonym("a")),
            _ => Some(pseudonym("b")),
        },
        fields: vec![
            if n.is_multiple_of(7) {
                String::new()
            } else {
                n.to_string()
            },
            ["", "a", "b"][n as usize % 3].to_owned(),
        ],
        label: (n % 2).to_string(),
    };
    let rows: Vec<LabelledRow> = (0..70_000).map(row).collect();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: Vec<LabelledRow>| {
        let file = folder.path().join(name);
        let all = LabelledRows {
            rows,
            counts: JoinCounts::default(),
            read: ReadCounts::default(),
            conflicts: std::collections::BTreeMap::new(),
        };
        let out = std::fs::File::create(&file).unwrap();
        all.write_parquet(&schema, out).unwrap();
        file
    };
    let read = |file: &std::path::Path| {
        let source = DataSource::file(file.to_str().unwrap());
        let read = Ingest::new(&schema, &source).run().unwrap();
        let bits: Vec<u32> = read.values.iter().map(|it| it.to_bits()).collect();
        (bits, read.labels)
    };
    // Told by its bytes, whatever its name.
    let file = write("rows.data", rows.clone());
    let without = |letters: &[&str]| {
        let of = |row: &&LabelledRow| {
            let source = row.source.clone().unwrap_or_default();
            !letters.iter().any(|letter| source == pseudonym(letter))
        };
        rows.iter().filter(of).cloned().collect::<Vec<_>>()
    };
    let before = std::fs::read(&file).unwrap();
    assert_eq!(
        erase_rows(&file, &BTreeSet::from([pseudonym("d")])).unwrap(),
        0
    );
    assert_eq!(std::fs::read(&file).unwrap(), before, "left as it was");
    assert_eq!(
        erase_rows(&file, &BTreeSet::from([pseudonym("c")])).unwrap(),
        1
    );
    assert_eq!(read(&file), read(&write("1", without(&["c"]))));
    let n_ann = rows.len() - without(&["a"]).len();
    let ann = BTreeSet::from([pseudonym("a")]);
    assert_eq!(erase_rows(&file, &ann).unwrap(), n_ann as u64);
    let left = without(&["a", "c"]);
    assert_eq!(read(&file), read(&write("2", left)));
    assert_eq!(erase_rows(&file, &ann).unwrap(), 0);
    // All of a group, and all of the file.
    let all = BTreeSet::from([pseudonym("b")]);
    assert_eq!(
        erase_rows(&file, &all).unwrap() as usize,
        without(&["a", "c"]).len() - without(&["a", "b", "c"]).len()
    );
    let only = write("only", (0..3).map(|_| row(1)).collect());
    assert_eq!(erase_rows(&only, &ann).unwrap(), 3);
    assert_eq!(erase_rows(&only, &ann).unwrap(), 0);
    // A file that breaks off is an error, and stays.
    std::fs::write(&file, &before[..before.len() / 2]).unwrap();
    assert!(erase_rows(&file, &ann).is_err());
    assert_eq!(std::fs::read(&file).unwrap().len(), before.len() / 2);
}

/// Files that another program has written: a source in another form, twice, and beside lists.
#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_in_which_somebody_could_hide_is_refused() {
    use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    let folder = tempfile::tempdir().unwrap();
    let (ann, bob) = (pseudonym("a"), pseudonym("b"));
    let file = folder.path().join("rows.parquet");
    let begin = |message: &str| {
        let schema = Arc::new(parse_message_type(message).unwrap());
        let out = std::fs::File::create(&file).unwrap();
        SerializedFileWriter::new(out, schema, Arc::default()).unwrap()
    };
    let erase = || erase_rows(&file, &BTreeSet::from([ann.clone()]));
    let texts = |names: [&String; 2]| names.map(|name| ByteArray::from(name.as_str()));

    let mut writer = begin("message m { required int64 source; }");
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int64Type>()
        .write_batch(&[1, 2], None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let error = erase().unwrap_err();
    assert!(error.to_string().contains("expected text"), "{error}");

    let mut writer =
        begin("message m { required binary source (UTF8); required binary source (UTF8); }");
    let mut group = writer.next_row_group().unwrap();
    for names in [[&ann, &bob], [&bob, &bob]] {
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&texts(names), None, None)
            .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    assert_eq!((erase().unwrap(), erase().unwrap()), (1, 0));

    let mut writer = begin("message m { required binary source (UTF8); repeated int32 tags; }");
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<ByteArrayType>()
        .write_batch(&texts([&ann, &bob]), None, None)
        .unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let (there, starts) = ([1, 1, 1], [0, 1, 0]);
    column
        .typed::<Int32Type>()
        .write_batch(&[1, 2, 3], Some(&there), Some(&starts))
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = erase().unwrap_err();
    assert!(error.to_string().contains("without lists"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
