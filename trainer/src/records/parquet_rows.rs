//! Labelled rows as a Parquet file, which every source of rows reads as it reads CSV.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use picket_schema::{Domain, FeatureSchema};

use super::labelled_rows::{ID_COLUMNS, LabelledRow};
use crate::ingest::recorded_column;

/// How many rows stand in a group.
const GROUP_ROWS: usize = 64 << 10;

fn column(name: &str, kind: PhysicalType, is_optional: bool) -> Result<TypePtr, ParquetError> {
    let repetition = if is_optional {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    };
    let meaning = if kind == PhysicalType::BYTE_ARRAY {
        ConvertedType::UTF8
    } else {
        ConvertedType::NONE
    };
    let builder = Type::primitive_type_builder(name, kind)
        .with_repetition(repetition)
        .with_converted_type(meaning);
    builder.build().map(Arc::new)
}

/// Writes a column: what is `None` has a place and no value.
fn put<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
    is_optional: bool,
) -> Result<(), ParquetError> {
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("a column too many".to_owned()))?;
    let levels = is_optional.then_some(levels.as_slice());
    column.typed::<T>().write_batch(&there, levels, None)?;
    column.close()
}

fn text(text: &str) -> Option<ByteArray> {
    (!text.is_empty()).then(|| text.into())
}

/// Whether a feature stands as text: a category's name. The bucket of a hashed text is a number.
fn is_text(domain: &Domain) -> bool {
    matches!(domain, Domain::Categories(_))
}

/// Writes rows: id, time and source, the features (numbers as f32, categories by name, missing as null), the label.
///
/// # Errors
/// What the writer says.
pub(super) fn write(
    rows: &[LabelledRow],
    schema: &FeatureSchema,
    out: impl Write + Send,
) -> Result<(), ParquetError> {
    let [id, time, source] = ID_COLUMNS;
    let mut columns = vec![
        column(id, PhysicalType::BYTE_ARRAY, false)?,
        column(time, PhysicalType::INT64, false)?,
        column(source, PhysicalType::BYTE_ARRAY, true)?,
    ];
    for feature in &schema.features {
        let kind = if is_text(&feature.domain) {
            PhysicalType::BYTE_ARRAY
        } else {
            PhysicalType::FLOAT
        };
        columns.push(column(&recorded_column(feature), kind, true)?);
    }
    columns.push(column(&schema.label.name, PhysicalType::BYTE_ARRAY, false)?);
    let root = Type::group_type_builder("rows").with_fields(columns);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("picket".to_owned());
    let (root, properties) = (Arc::new(root.build()?), Arc::new(properties.build()));
    let mut writer = SerializedFileWriter::new(out, root, properties)?;
    for part in rows.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group()?;
        let ids = part.iter().map(|row| Some(row.prediction.as_str().into()));
        put::<ByteArrayType, _>(&mut group, ids, false)?;
        let times = part
            .iter()
            .map(|row| Some(i64::try_from(row.time_ms).unwrap_or(i64::MAX)));
        put::<Int64Type, _>(&mut group, times, false)?;
        let sources = part.iter().map(|row| row.source.as_deref().and_then(text));
        put::<ByteArrayType, _>(&mut group, sources, true)?;
        for (idx, feature) in schema.features.iter().enumerate() {
            let fields = part.iter().map(|row| row.fields[idx].as_str());
            if is_text(&feature.domain) {
                put::<ByteArrayType, _>(&mut group, fields.map(text), true)?;
            } else {
                // A number's field is the shortest text that is read as the same number.
                put::<FloatType, _>(&mut group, fields.map(|it| it.parse().ok()), true)?;
            }
        }
        let labels = part.iter().map(|row| Some(row.label.as_str().into()));
        put::<ByteArrayType, _>(&mut group, labels, false)?;
        group.close()?;
    }
    writer.close().map(drop)
}
