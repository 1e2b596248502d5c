//! What a device sends to the collector: a record a line. Pure, so that a fuzzer can have it without the server.

/// The records of a batch.
pub(crate) fn lines(body: &[u8]) -> Vec<&[u8]> {
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .collect()
}

/// A record is a JSON object with a kind and an id of the size of one.
pub(crate) fn check(line: &[u8], max_bytes: usize) -> Result<(), &'static str> {
    #[derive(serde::Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        id: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    if line.len() > max_bytes {
        return Err("the record is too large");
    }
    let head: Head<'_> =
        serde_json::from_slice(line).map_err(|_| "no JSON object with the texts id and kind")?;
    let is_id = head.id.len() == 32 && head.id.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_id {
        return Err("the id is not one of 32 hexadecimal digits");
    }
    if !["prediction", "label", "aggregate"].contains(&head.kind.as_ref()) {
        return Err("the kind is none of prediction, label and aggregate");
    }
    Ok(())
}
