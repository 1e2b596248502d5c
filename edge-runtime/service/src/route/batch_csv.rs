//! Rows from CSV.

use picket_schema::{ColumnMap, limits};

use crate::issue::Issue;
use crate::problem::{Problem, ProblemKind};
use crate::row_set::RowSet;

/// Reads CSV with a header.
///
/// # Errors
/// [`ProblemKind::MalformedBody`] for a header that is not text, [`ProblemKind::InvalidRows`] for
/// one that does not fit the schema, [`ProblemKind::TooManyRows`] past the limit. Everything else
/// is reported to `rows`.
pub(crate) fn read_csv(body: &[u8], rows: &mut RowSet<'_>) -> Result<(), Problem> {
    let schema = &rows.model.schema;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(body);
    let header = reader
        .byte_headers()
        .map_err(|error| malformed(&error))?
        .clone();
    let columns = columns_of(rows.model.n_features(), &header)?;
    let map = ColumnMap::from_header(schema, &columns).map_err(|error| {
        let mut issue = Issue::new(
            None,
            None,
            "a header with every feature of the schema".into(),
        );
        issue.line = Some(1);
        issue.detail = error.to_string();
        Problem::invalid_content(issue)
    })?;
    let mut row = Vec::with_capacity(map.features.len());
    let mut record = csv::ByteRecord::new();
    let mut found_row = false;
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| malformed(&error))?
    {
        found_row = true;
        rows.start_row(record.position().map(csv::Position::line))?;
        if record.len() != header.len() {
            let found = Some(format!("{} fields", record.len()));
            rows.report(Issue::new(
                None,
                found,
                format!("{} as in the header", header.len()),
            ));
            continue;
        }
        row.clear();
        for (feature, column_idx) in schema.features.iter().zip(&map.features) {
            let text = std::str::from_utf8(&record[*column_idx]);
            match text.map(|text| feature.parse_text(text)) {
                Ok(Ok(x)) => row.push(x),
                Ok(Err(error)) => rows.report(error.into()),
                Err(_) => {
                    let found = Some("bytes that are not UTF-8".to_owned());
                    let expected = feature.domain.in_words();
                    rows.report(Issue::new(Some(&feature.name), found, expected));
                }
            }
        }
        rows.push_values(&row);
    }
    if !found_row {
        rows.report_body(Issue::new(None, None, "rows below the header".to_owned()));
    }
    Ok(())
}

/// The header as text, when it is small enough that looking for names in it is quick.
fn columns_of(n_features: usize, header: &csv::ByteRecord) -> Result<Vec<&str>, Problem> {
    let max_columns = 4 * n_features + 1024;
    if header.len() > max_columns {
        let found = Some(format!("{} columns", header.len()));
        let issue = Issue::new(None, found, format!("at most {max_columns}"));
        return Err(Problem::invalid_content(issue));
    }
    let mut columns = Vec::with_capacity(header.len());
    for name in header {
        let Ok(name) = std::str::from_utf8(name) else {
            let detail = "the header is not UTF-8";
            return Err(Problem::new(ProblemKind::MalformedBody, detail));
        };
        if name.len() > limits::MAX_NAME_BYTES {
            let found = Some(format!("a name of {} bytes", name.len()));
            let expected = format!("at most {}", limits::MAX_NAME_BYTES);
            return Err(Problem::invalid_content(Issue::new(
                Some(name),
                found,
                expected,
            )));
        }
        columns.push(name);
    }
    Ok(columns)
}

fn malformed(error: &csv::Error) -> Problem {
    Problem::new(
        ProblemKind::MalformedBody,
        format!("not valid CSV: {error}"),
    )
}
