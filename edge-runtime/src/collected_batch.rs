//! What a device sends to the collector: a record a line. Pure, so that a fuzzer can have it without the server.

use picket_schema::record::Record;

/// The records of a batch.
pub(crate) fn lines(body: &[u8]) -> Vec<&[u8]> {
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .collect()
}

/// Whether a line is a record, as `docs/records.md` says. A field that no record has is refused: what is not named
/// there is not kept.
pub(crate) fn check(line: &[u8], max_bytes: usize) -> Result<(), String> {
    if line.len() > max_bytes {
        return Err("the record is too large".to_owned());
    }
    let read = Record::from_json(line);
    read.map(drop).map_err(|error| error.to_string())
}
