//! From the bytes of a CSV file to rows, with every wrong field named.

use picket_schema::{ColumnMap, FeatureSchema, FieldError, HeaderError};

use super::decimal;
use super::json_text::JsonText;
use super::records::Records;

/// The most errors that are kept; the others are counted.
const MAX_LISTED: usize = 1000;

/// The rows of a CSV file.
#[derive(Debug, Default)]
pub(super) struct CsvRows {
    /// The rows without errors. Shape: `(n_rows, n_features)`.
    pub(super) rows: Vec<f32>,
    /// For each row its position among the records, from 0.
    pub(super) record_indexes: Vec<u32>,
    /// Start and end of the header and of each record, in bytes, without line endings.
    pub(super) record_spans: Vec<u32>,
    /// The first wrong fields.
    pub(super) errors: Vec<CsvFieldError>,
    /// How many fields are wrong.
    pub(super) error_count: usize,
}

/// A field that is not a value of its feature.
#[derive(Debug, PartialEq)]
pub(super) struct CsvFieldError {
    /// The record's position, from 0.
    pub(super) record: usize,
    /// The line it starts on, from 1 as editors count.
    pub(super) line: u64,
    /// The column's name.
    pub(super) column: String,
    /// What stands there; `None` where nothing does.
    pub(super) found: Option<String>,
    /// What the schema allows.
    pub(super) expected: String,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum CsvError {
    /// There is not even a header.
    #[error("the file is empty; expected a header and rows")]
    Empty,
    /// Positions in it do not fit the answer.
    #[error("the file has {found} bytes; expected less than 4 GiB")]
    TooLarge {
        /// Its size.
        found: usize,
    },
    /// The header does not fit.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl CsvRows {
    /// Reads a file. Column order, extra columns, quotes, CRLF and a byte-order mark are fine.
    /// `nearest` reads numbers that [`decimal::parse`] hands over.
    pub(super) fn read(
        schema: &FeatureSchema,
        bytes: &[u8],
        nearest: fn(&str) -> f64,
    ) -> Result<Self, CsvError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(CsvError::TooLarge { found: bytes.len() });
        }
        // The header is read as a record, so that one loop knows where each record stands.
        let mut records = Records::new(bytes);
        if !records.read() {
            return Err(CsvError::Empty);
        }
        let header: Vec<String> = records
            .fields()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        let columns = ColumnMap::from_header(schema, &header)?;
        let mut this = Self::default();
        this.push_span(bytes, 0, records.offset());
        let mut record_idx = 0;
        loop {
            let (start, line) = (records.offset(), records.line());
            if !records.read() {
                return Ok(this);
            }
            let span_start = this.push_span(bytes, start, records.offset());
            // Blank lines before the record count as part of it for the reader.
            let skipped = &bytes[start..span_start];
            let line = skipped
                .iter()
                .fold(line, |line, byte| line + u64::from(*byte == b'\n'));
            let parse = |text: &str| decimal::parse(text, nearest);
            this.push_record(schema, &columns, &records, record_idx, line, parse);
            record_idx += 1;
        }
    }

    /// Adds a span without the line endings around it; returns its start.
    fn push_span(&mut self, bytes: &[u8], mut start: usize, mut end: usize) -> usize {
        let is_line_ending = |byte: &u8| matches!(byte, b'\r' | b'\n');
        while start < end && is_line_ending(&bytes[start]) {
            start += 1;
        }
        while start < end && is_line_ending(&bytes[end - 1]) {
            end -= 1;
        }
        self.record_spans.extend([start as u32, end as u32]);
        start
    }

    fn push_record(
        &mut self,
        schema: &FeatureSchema,
        columns: &ColumnMap,
        records: &Records<'_>,
        record_idx: usize,
        line: u64,
        parse: impl Fn(&str) -> Option<f64>,
    ) {
        let first = self.rows.len();
        let errors_before = self.error_count;
        for (feature, column_idx) in schema.features.iter().zip(&columns.features) {
            let parsed = match records.field(*column_idx).map(core::str::from_utf8) {
                Some(Ok(text)) => feature.parse_text_by(text, &parse),
                // A record that ends early misses its last fields.
                None => feature.missing_value(),
                Some(Err(_)) => Err(FieldError::NotANumber {
                    field: feature.name.clone(),
                    found: "bytes that are not UTF-8 text".into(),
                    expected: feature.domain.in_words(),
                }),
            };
            match parsed {
                Ok(x) => self.rows.push(x),
                Err(error) => self.push_error(&error, record_idx, line),
            }
        }
        if self.error_count > errors_before {
            self.rows.truncate(first);
        } else {
            self.record_indexes.push(record_idx as u32);
        }
    }

    fn push_error(&mut self, error: &FieldError, record: usize, line: u64) {
        self.error_count += 1;
        if self.errors.len() < MAX_LISTED {
            self.errors.push(CsvFieldError {
                record,
                line,
                column: error.field().to_owned(),
                found: error.found().map(str::to_owned),
                expected: error.expected().to_owned(),
            });
        }
    }
}

/// Writes errors as an array of objects.
pub(super) fn write_errors(json: &mut JsonText, errors: &[CsvFieldError]) {
    json.array(errors, |json, error| {
        json.object(|json| {
            json.key("record").number(error.record as f64);
            json.key("line").number(error.line as f64);
            json.key("column").string(&error.column);
            json.key("found").optional(error.found.as_deref());
            json.key("expected").string(&error.expected);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use picket_schema::{Class, Domain, Feature, Label, MissingPolicy};

    fn schema() -> FeatureSchema {
        let class = |name: &str, value: &str| Class {
            name: name.into(),
            values: vec![value.into()],
        };
        let feature = |name: &str, domain| Feature {
            name: name.into(),
            domain,
            unit: String::new(),
            missing: MissingPolicy::Reject,
            description: String::new(),
        };
        FeatureSchema {
            name: "mail".into(),
            label: Label {
                name: "is_spam".into(),
                positive: class("spam", "1"),
                negative: class("ham", "0"),
            },
            features: vec![
                feature("n_links", Domain::Range([0.0, 9.0])),
                feature(
                    "kind",
                    Domain::Categories(vec!["text".into(), "a,b".into()]),
                ),
            ],
        }
    }

    fn read(bytes: &[u8]) -> Result<CsvRows, CsvError> {
        CsvRows::read(&schema(), bytes, |text| text.parse().unwrap())
    }

    fn spans<'a>(rows: &CsvRows, bytes: &'a [u8]) -> Vec<&'a str> {
        let pairs = rows.record_spans.as_chunks::<2>().0.iter();
        pairs
            .map(|[start, end]| {
                core::str::from_utf8(&bytes[*start as usize..*end as usize]).unwrap()
            })
            .collect()
    }

    #[test]
    fn reads_what_spreadsheets_write() {
        let bytes =
            "\u{feff}\"kind\",n_links,note\r\n\"a,b\",3,\"two\r\nlines\"\r\n\r\ntext,4,\r\n";
        let rows = read(bytes.as_bytes()).unwrap();
        assert_eq!(rows.rows, [3.0, 1.0, 4.0, 0.0]);
        assert_eq!(rows.record_indexes, [0, 1]);
        assert_eq!(rows.error_count, 0);
        let lines = spans(&rows, bytes.as_bytes());
        assert!(lines[0].ends_with("note"));
        assert_eq!(lines[1..], ["\"a,b\",3,\"two\r\nlines\"", "text,4,"]);
    }

    #[test]
    fn any_text_of_a_hashed_feature_is_a_bucket() {
        let mut schema = schema();
        schema.features[1].domain = Domain::Hashed(4096);
        let bytes = b"n_links,kind\n1,example.org\n2, tcp \n3,?\n";
        let rows = CsvRows::read(&schema, bytes, |text| text.parse().unwrap()).unwrap();
        assert_eq!(rows.rows, [1.0, 3283.0, 2.0, 191.0]);
        assert_eq!(rows.errors[0].expected, "any text");
    }

    #[test]
    fn names_what_is_wrong() {
        let bytes = b"n_links,kind\n1,text\n\n10,html\n2\n3,text";
        let rows = read(bytes).unwrap();
        assert_eq!(rows.rows, [1.0, 0.0, 3.0, 0.0]);
        assert_eq!(rows.record_indexes, [0, 3]);
        let places: Vec<_> = rows
            .errors
            .iter()
            .map(|error| {
                (
                    error.record,
                    error.line,
                    error.column.as_str(),
                    error.found.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            places,
            [
                (1, 4, "n_links", Some("10")),
                (1, 4, "kind", Some("html")),
                (2, 5, "kind", None)
            ]
        );
        assert_eq!(rows.errors[1].expected, "one of text, a,b");
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused() {
        let error = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(error(b""), "the file is empty; expected a header and rows");
        assert!(error(b"n_link,kind\n1,text\n").contains("did you mean \"n_link\"?"));
        assert!(error(b"\x00\xff\xfe").contains("n_links"));
    }
}
