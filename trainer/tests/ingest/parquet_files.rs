//! Parquet files, written here by the library's low-level writer.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as PhysicalType};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use picket_trainer::Dataset;
use std::fs::File;

use crate::rows::{dataset, read_file, write};

fn field(name: &str, kind: PhysicalType, is_optional: bool, means: ConvertedType) -> TypePtr {
    let repetition = if is_optional {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    };
    let builder = Type::primitive_type_builder(name, kind)
        .with_repetition(repetition)
        .with_converted_type(means);
    Arc::new(builder.build().unwrap())
}

macro_rules! put {
    ($group:expr, $kind:ty, $values:expr, $levels:expr) => {{
        let mut column = $group.next_column().unwrap().unwrap();
        column
            .typed::<$kind>()
            .write_batch(&$values, $levels, None)
            .unwrap();
        column.close().unwrap();
    }};
}

/// How the columns of a file are typed.
#[derive(Clone, Copy, PartialEq)]
enum Widths {
    Narrow,
    Wide,
}

/// The rows of the data set, with the nulls where a value is missing, in groups of 300.
fn write_rows(path: &Path, data: &Dataset, widths: Widths, compression: Compression) {
    let (float, whole, label) = match widths {
        Widths::Narrow => (
            PhysicalType::FLOAT,
            PhysicalType::INT32,
            PhysicalType::BOOLEAN,
        ),
        Widths::Wide => (
            PhysicalType::DOUBLE,
            PhysicalType::INT64,
            PhysicalType::INT32,
        ),
    };
    let fields = vec![
        field("attack", label, false, ConvertedType::NONE),
        field("bytes", float, true, ConvertedType::NONE),
        field(
            "service",
            PhysicalType::BYTE_ARRAY,
            true,
            ConvertedType::UTF8,
        ),
        field("flag", whole, false, ConvertedType::NONE),
    ];
    let root = Type::group_type_builder("rows").with_fields(fields);
    let properties = WriterProperties::builder().set_compression(compression);
    let mut writer = SerializedFileWriter::new(
        File::create(path).unwrap(),
        Arc::new(root.build().unwrap()),
        Arc::new(properties.build()),
    )
    .unwrap();
    let row_idxs: Vec<usize> = (0..data.n_rows()).collect();
    for part in row_idxs.chunks(300) {
        let mut group = writer.next_row_group().unwrap();
        write_group(&mut group, data, part, widths);
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn write_group(
    group: &mut SerializedRowGroupWriter<'_, File>,
    data: &Dataset,
    part: &[usize],
    widths: Widths,
) {
    let column = |feature_idx: usize| -> Vec<f32> {
        part.iter().map(|row| data.row(*row)[feature_idx]).collect()
    };
    let levels = |values: &[f32]| -> Vec<i16> {
        values
            .iter()
            .map(|value| i16::from(!value.is_nan()))
            .collect()
    };
    let labels: Vec<bool> = part.iter().map(|row| data.labels()[*row]).collect();
    let (bytes, flags, codes) = (column(0), column(1), column(2));
    let there: Vec<f32> = bytes
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    let names: Vec<ByteArray> = codes
        .iter()
        .filter(|code| !code.is_nan())
        .map(|code| {
            data.schema().features[2].categories()[*code as usize]
                .as_str()
                .into()
        })
        .collect();
    let (bytes, services) = (levels(&bytes), levels(&codes));
    if widths == Widths::Narrow {
        put!(group, BoolType, labels, None);
        put!(group, FloatType, there, Some(&bytes));
        put!(group, ByteArrayType, names, Some(&services));
        put!(
            group,
            Int32Type,
            flags.iter().map(|x| *x as i32).collect::<Vec<_>>(),
            None
        );
    } else {
        put!(
            group,
            Int32Type,
            labels.iter().map(|x| i32::from(*x)).collect::<Vec<_>>(),
            None
        );
        put!(
            group,
            DoubleType,
            there.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(),
            Some(&bytes)
        );
        put!(group, ByteArrayType, names, Some(&services));
        put!(
            group,
            Int64Type,
            flags.iter().map(|x| *x as i64).collect::<Vec<_>>(),
            None
        );
    }
}

#[test]
fn parquet_gives_the_rows_of_the_text() {
    let (dir, data) = (tempfile::tempdir().unwrap(), dataset());
    let zstd = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let gzip = Compression::GZIP(parquet::basic::GzipLevel::default());
    for (name, widths, compression) in [
        ("narrow", Widths::Narrow, Compression::SNAPPY),
        ("wide", Widths::Wide, zstd),
        ("plain.parquet", Widths::Wide, Compression::UNCOMPRESSED),
        ("gzip.parquet", Widths::Narrow, gzip),
    ] {
        let path = dir.path().join(name);
        write_rows(&path, &data, widths, compression);
        assert_eq!(read_file(&path).unwrap().digest(), data.digest(), "{name}");
    }
}

#[test]
fn broken_files_are_refused_without_a_panic() {
    let (dir, data) = (tempfile::tempdir().unwrap(), dataset());
    let path = dir.path().join("rows.parquet");
    write_rows(&path, &data, Widths::Wide, Compression::SNAPPY);
    let whole = std::fs::read(&path).unwrap();
    let cut = write(dir.path(), "cut.parquet", &whole[..whole.len() - 20]);
    let error = read_file(&cut).unwrap_err();
    assert!(error.to_string().contains("not a Parquet file"), "{error}");
    assert!(error.is_input_error());
    // One byte after the other is changed. Some changes make other rows; none may end the program.
    let mut n_refused = 0;
    for at in (4..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let broken = write(dir.path(), "broken.parquet", &bytes);
        n_refused += u32::from(read_file(&broken).is_err());
    }
    assert!(n_refused > 20, "{n_refused}");
}
